/** Logging in, with every mechanism, at a real RabbitMQ of this file's own. */
import {
  AuthenticationError,
  ConnectionClosedError,
  type ConnectOptions,
  type CustomMechanism,
  NotAllowedError,
} from '../../src';
import { describeNode } from '../support/brokers/on-rabbitmq';
import { type PrivateRabbitmq, startRabbitmq } from '../support/brokers/rabbitmq';
import { CEILING, duration, open, pause } from '../support/connect';
import { expectNoSecret, refusalOf, shown } from '../support/secrets';
import { within } from '../support/within';

/** `demo` answers challenges; `jim` may use no vhost but his own; both have a password that is found easily. */
const SECRET = 'pa55/wörd-%&"';

let rabbitmq: PrivateRabbitmq;
beforeAll(async () => {
  const settings = ["{auth_mechanisms, ['PLAIN', 'AMQPLAIN', 'RABBIT-CR-DEMO']}"];
  rabbitmq = await startRabbitmq({ settings });
  rabbitmq.addUser('jim', SECRET, 'jims');
}, 300_000);
afterAll(() => rabbitmq?.stop());

const login = (options: ConnectOptions) => {
  const connection = open({ url: rabbitmq.url, ...options });
  expect(connection.channel().queueDeclare('', { exclusive: true }).queue).toMatch(/^amq\.gen/);
  return connection;
};
const jim = { username: 'jim', password: SECRET, vhost: 'jims' };
/** Which mechanism the broker believes was used, by the connection's name. */
function mechanismOf(name: string): string | undefined {
  const mechanisms = rabbitmq.eval(
    '[Mechanism || [{_, Properties}, {_, Mechanism}] <- ' +
      'rabbit_networking:connection_info_all([client_properties, auth_mechanism]), ' +
      `lists:member({<<"connection_name">>, longstr, <<"${name}">>}, Properties)]`,
  );
  return /^\[<<"(.*)">>\]$/.exec(mechanisms)?.[1];
}

describeNode('mechanisms that are built in', () => {
  it.each<[string, ConnectOptions['authMechanism'], string]>([
    ['PLAIN', 'PLAIN', 'PLAIN'],
    ['AMQPLAIN', 'AMQPLAIN', 'AMQPLAIN'],
    ['none named', undefined, 'PLAIN'],
    ['a list: the first that the broker has', ['EXTERNAL', 'ANONYMOUS', 'AMQPLAIN', 'PLAIN'], 'AMQPLAIN'],
    ['the order of the list is ours, not the broker’s', ['AMQPLAIN', 'PLAIN'], 'AMQPLAIN'],
  ])('log in: %s', (_what, authMechanism, used) => {
    const name = `sasl ${used}`;
    login({ ...jim, authMechanism, name });
    expect(mechanismOf(name)).toBe(used);
  });

  it('can be chosen in the URL, as auth_mechanism', () => {
    const url = rabbitmq.url
      .replace('guest:guest', `jim:${encodeURIComponent(SECRET)}`)
      .replace('%2f', 'jims');
    login({ url: `${url}?auth_mechanism=amqplain&name=by%20url` });
    expect(mechanismOf('by url')).toBe('AMQPLAIN');
  });

  it.each<[string, ConnectOptions['authMechanism'], string]>([
    ['ANONYMOUS', 'ANONYMOUS', 'ANONYMOUS'],
    ['EXTERNAL', 'EXTERNAL', 'EXTERNAL'],
    ['neither', ['EXTERNAL', 'ANONYMOUS'], 'EXTERNAL or ANONYMOUS'],
    ['one of the user’s own', { name: 'OTHER', initialResponse: () => 'x' }, 'OTHER'],
  ])(
    'such as %s may not be offered by a broker, which is said with what it does offer',
    (_what, authMechanism, wanted) => {
      const error = refusalOf(() => login({ ...jim, authMechanism }));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toContain(`the server does not offer ${wanted}; it offers: `);
      for (const offered of ['PLAIN', 'AMQPLAIN', 'RABBIT-CR-DEMO'])
        expect(error.message.split('it offers: ')[1]!.split(' ')).toContain(offered);
      expect(error).toMatchObject({ recoverable: false });
      expectNoSecret(error, SECRET);
    },
  );
});

describeNode('a mechanism of the user’s own', () => {
  const demo = (more: Partial<CustomMechanism> = {}): CustomMechanism => ({
    name: 'RABBIT-CR-DEMO',
    initialResponse: () => 'jim',
    challenge: () => `My password is ${SECRET}`,
    ...more,
  });

  it('answers the broker’s question', () => {
    const questions: Buffer[] = [];
    const challenge = (question: Buffer) => {
      questions.push(question);
      return `My password is ${SECRET}`;
    };
    const connection = login({ vhost: 'jims', authMechanism: demo({ challenge }), name: 'demo' });
    expect(questions.map(String)).toEqual(['Please tell me your password']);
    expect(Buffer.isBuffer(questions[0])).toBe(true);
    expect(mechanismOf('demo')).toBe('RABBIT-CR-DEMO');
    connection.close();
  });

  it('may answer in bytes, and take its time', () => {
    const initialResponse = () => {
      pause(300);
      return Buffer.from('jim');
    };
    const challenge = () => Uint8Array.from(Buffer.from(`My password is ${SECRET}`));
    login({ vhost: 'jims', authMechanism: demo({ initialResponse, challenge }) });
  });

  it('is called with its own `this`', () => {
    class Mechanism implements CustomMechanism {
      readonly name = 'RABBIT-CR-DEMO';
      readonly #password = SECRET;
      initialResponse = () => 'jim';
      challenge(): string {
        return `My password is ${this.#password}`;
      }
    }
    login({ vhost: 'jims', authMechanism: new Mechanism() });
  });

  it('among others: only if it is the first that the broker has', () => {
    let asked = 0;
    const initialResponse = () => {
      asked++;
      return 'jim';
    };
    const authMechanism = demo({ initialResponse });
    login({ ...jim, authMechanism: ['PLAIN', authMechanism] });
    expect(asked).toBe(0);
    login({ ...jim, authMechanism: ['EXTERNAL', authMechanism, 'PLAIN'] });
    expect(asked).toBe(1);
  });

  it('with a wrong answer is refused like any other', () => {
    const error = refusalOf(() =>
      login({ vhost: 'jims', authMechanism: demo({ challenge: () => 'My password is hunter2' }) }),
    );
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ replyCode: 403, recoverable: false });
    expect(error.message).toContain('the user of mechanism RABBIT-CR-DEMO was refused: 403');
    expectNoSecret(error, 'hunter2');
  });

  it.each<[string, Partial<CustomMechanism>, RegExp]>([
    [
      'initialResponse throws',
      {
        initialResponse: () => {
          throw new Error('no token');
        },
      },
      /RABBIT-CR-DEMO: initialResponse failed: no token$/,
    ],
    [
      'challenge throws',
      {
        challenge: () => {
          throw new Error('no idea');
        },
      },
      /RABBIT-CR-DEMO: challenge failed: no idea$/,
    ],
    [
      'something that is no error is thrown',
      {
        challenge: () => {
          throw 'a string';
        },
      },
      /challenge failed: a string$/,
    ],
    [
      'a promise comes back',
      { initialResponse: (async () => 'jim') as never },
      /initialResponse failed: it returned a Promise, not a string or bytes/,
    ],
    [
      'a promise that is rejected comes back',
      {
        initialResponse: (async () => {
          throw new Error('late');
        }) as never,
      },
      /it returned a Promise/,
    ],
    [
      'more comes back than fits in a frame',
      { initialResponse: () => 'x'.repeat(70_000) },
      /initialResponse failed: it returned 70000 bytes, more than 61440/,
    ],
    [
      'nothing comes back',
      { initialResponse: (() => {}) as never },
      /it returned undefined, not a string or bytes/,
    ],
    [
      'there is no challenge',
      { challenge: undefined as never },
      /challenge failed: the broker asks, but there is no challenge\(\)/,
    ],
  ])('%s: the connection is given up at once, and the next can be opened', (_what, more, text) => {
    let error!: AuthenticationError;
    const took = duration(() => {
      error = refusalOf(() => login({ ...jim, authMechanism: demo(more) }));
    });
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toMatch(text);
    expect(error.cause).toBeDefined();
    expect(took).toBeLessThan(within(1000));
    expectNoSecret(error, SECRET);
    login(jim);
  });

  it.each<[unknown, string]>([
    [{ name: 'X' }, 'authMechanism.initialResponse must be a function, got undefined'],
    [{ ...demo(), challenge: 'x' }, 'authMechanism.challenge must be a function, got a string'],
    [{ ...demo(), name: 'lower' }, 'authMechanism.name must be 1 to 20 of A-Z, 0-9, - and _'],
    [{ ...demo(), name: 'PLAIN' }, 'authMechanism PLAIN is built in'],
    [[demo(), demo({ name: 'B' })], 'only one mechanism of your own is possible'],
    [[], 'authMechanism must not be empty'],
    [[7], 'authMechanism must be one of PLAIN, AMQPLAIN, EXTERNAL, ANONYMOUS, or a mechanism of your own'],
  ])('%p is refused before a socket is opened', (authMechanism, text) => {
    const error = refusalOf<Error>(() =>
      open({ url: 'amqp://127.0.0.1:1', authMechanism: authMechanism as never }),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(text);
  });
});

describeNode('what is refused', () => {
  it('three different things: the password, a vhost that there is not, and one that is not for this user', () => {
    const password = refusalOf(() => login({ ...jim, password: 'hunter2' }));
    expect(password).toBeInstanceOf(AuthenticationError);
    expect(password).toMatchObject({ replyCode: 403, code: 'ACCESS_REFUSED' });
    expect(password.message).toContain('user "jim" was refused: 403 ACCESS_REFUSED');
    expectNoSecret(password, 'hunter2');

    const missing = refusalOf(() => login({ ...jim, vhost: 'nowhere' }));
    expect(missing).toBeInstanceOf(NotAllowedError);
    expect(missing).toMatchObject({ replyCode: 530, code: 'VHOST_NOT_FOUND' });
    expect(missing.message).toMatch(/^vhost "nowhere" was refused: 530 NOT_ALLOWED.*not found/);

    const forbidden = refusalOf(() => login({ ...jim, vhost: '/' }));
    expect(forbidden).toBeInstanceOf(ConnectionClosedError);
    expect(forbidden).not.toBeInstanceOf(AuthenticationError);
    expect(forbidden).toMatchObject({ replyCode: 530, code: 'VHOST_REFUSED' });
    expect(forbidden.message).toMatch(/^vhost "\/" was refused: 530 NOT_ALLOWED.*refused for user 'jim'/);
    expect(forbidden.message).not.toContain('not found');
    for (const error of [password, missing, forbidden]) {
      expect(error).toMatchObject({ recoverable: false, origin: 'broker' });
      expectNoSecret(error, SECRET);
    }
  });

  it.each(['PLAIN', 'AMQPLAIN'] as const)('no user of that name, and no name at all: %s', (authMechanism) => {
    for (const username of ['nobody', '']) {
      const error = refusalOf(() => login({ username, password: SECRET, authMechanism }));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toContain(`user "${username}" was refused: 403`);
      expectNoSecret(error, SECRET);
    }
  });

  it('a user who may not log in from here is told so by the broker’s log only, but quickly', () => {
    rabbitmq.addUser('nopass', 'x');
    rabbitmq.clearPassword('nopass');
    expect(refusalOf(() => login({ username: 'nopass', password: 'x' }))).toBeInstanceOf(AuthenticationError);
  });
});

describeNode('long secrets', () => {
  it('of 3 KiB are sent', () => {
    const token = 'x'.repeat(3072);
    rabbitmq.addUser('token', token);
    login({ username: 'token', password: token });
  });

  it.each(['PLAIN', 'AMQPLAIN'] as const)(
    'of 5000 characters are too many for RabbitMQ before 4.1: said here, for it only hangs up (%s)',
    (authMechanism) => {
      const [, major, minor] = /^(\d+)\.(\d+)/.exec(String(login({}).serverProperties.version))!;
      if (Number(major) > 4 || (Number(major) === 4 && Number(minor) > 0)) return; // it takes 8192 bytes
      const password = 'hunter2-'.repeat(625);
      let error!: AuthenticationError;
      const took = duration(() => {
        error = refusalOf(() => login({ ...jim, password, authMechanism }));
      });
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toMatch(
        /take 5\d{3} bytes, but this RabbitMQ accepts no more than 4096 before login/,
      );
      expect(error).toMatchObject({ recoverable: false });
      expect(took).toBeLessThan(CEILING);
      expect(shown(error)).not.toContain('hunter2');
    },
  );

  it('that no frame takes are refused before anything is sent', () => {
    for (const options of [{ username: 'hunter2'.repeat(10_000) }, { password: 'hunter2'.repeat(10_000) }]) {
      const error = refusalOf<Error>(() => login({ ...jim, ...options }));
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toBe('the user name with its password does not fit in 61440 bytes');
    }
  });

  it('are sent where initial_frame_max has room for them', () => {
    // for those who connect from now on
    rabbitmq.eval('application:set_env(rabbit, initial_frame_max, 65536)');
    try {
      const password = 'x'.repeat(6000);
      rabbitmq.addUser('long token', password);
      for (const authMechanism of ['PLAIN', 'AMQPLAIN'] as const) {
        const connection = open({ url: rabbitmq.url, username: 'long token', password, authMechanism });
        expect(connection.isAlive).toBe(true);
        connection.close();
      }
    } finally {
      rabbitmq.eval('application:unset_env(rabbit, initial_frame_max)');
    }
  });
});

describeNode('updateSecret', () => {
  it('is answered; the connection goes on', () => {
    const connection = login(jim);
    connection.updateSecret('another', 'the first expires');
    connection.updateSecret('x'.repeat(50_000)); // after login there is room
    connection.updateSecret('x'.repeat(connection.frameMax - 17)); // to the last byte
    expect(connection.isAlive).toBe(true);
    const channel = connection.channel();
    expect(channel.queueDeclare('', { exclusive: true }).queue).toMatch(/^amq\.gen/);
  });

  it('refuses what cannot be sent, without showing it', () => {
    const connection = login(jim);
    for (const act of [
      () => connection.updateSecret(7 as never),
      () => connection.updateSecret('hunter2'.repeat(40_000)),
      () => connection.updateSecret('hunter2'.repeat(29_000)), // two frames, and one method
      () => connection.updateSecret('x'.repeat(connection.frameMax - 16)),
      () => connection.updateSecret('hunter2', 'r'.repeat(256)),
      () => connection.updateSecret('hunter2', '', { timeuot: 1 } as never),
    ]) {
      const error = refusalOf<Error>(act);
      expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
      expect(shown(error)).not.toContain('hunter2hunter2');
    }
    expect(connection.isAlive).toBe(true);
  });
});
