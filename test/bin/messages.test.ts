/** publish, get, consume and tail, as a shell uses them. */
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TypedValue, typed } from '../../src';
import { LARGE_MESSAGE, versionOf } from '../support/brokers/version';
import { build } from '../support/built';
import { channel, queue, useQueue } from '../support/channel';
import { count, fill, sharedQueue, takeAll, unique } from '../support/connect';
import { cli, interrupted, isConsumed, out, said, shell, started, until } from '../support/programs/cli';

let folder: string;

useQueue();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Publish. @returns whether a queue has taken it */
function isTaken(body: string, exchange: string, routingKey = ''): boolean {
  if (channel.mode !== 'confirm') channel.confirmSelect();
  const [result] = channel.publishBatch([body], { exchange, routingKey, mandatory: true });
  return result!.status === 'acked';
}

const status = (...args: string[]) => cli(args).status;

describe('publish', () => {
  it.each<[string, string[], string | undefined, string[]]>([
    ['bodies as arguments', ['one', 'two'], undefined, ['one', 'two']],
    ['a body by its flag', ['-b', 'one'], undefined, ['one']],
    ['all of stdin', [], 'one\ntwo\n', ['one\ntwo\n']],
    ['nothing at all, if that is meant: an empty body', ['--allow-empty'], '', ['']],
    ['an empty body as an argument', [''], undefined, ['']],
    ['no lines', ['--lines'], '', []],
    ['lines with their newline', ['-l'], 'one\ntwo\nthree', ['one\n', 'two\n', 'three']],
    ['lines without it', ['--lines'], 'one\n\ntwo\n', ['one', '', 'two']],
    ['up to zero bytes', ['-0'], 'one\0two\nthree\0', ['one', 'two\nthree']],
    ['each so many times', ['-c', '3', 'one'], undefined, ['one', 'one', 'one']],
    ['JSON', ['--json'], '{"body":"one"}\n\n{"bodyBase64":"dHdv"}\n', ['one', 'two']],
  ])('sends %s', (_what, args, input, bodies) => {
    expect(out(['publish', '-r', queue, ...args], { input: input ?? '' })).toBe('');
    expect(takeAll(channel, queue)).toEqual(bodies);
  });

  it('takes a file as the body', () => {
    const file = join(folder, 'lines');
    writeFileSync(file, 'one\ntwo\n');
    out(['publish', '-r', queue, '--lines', '-f', file]);
    expect(takeAll(channel, queue)).toEqual(['one', 'two']);
  });

  it('sends every property, and headers of every kind', () => {
    const flags =
      '-p -C text/plain -E gzip -t answers --correlation-id 7 --priority 3 --expiration 90s --message-id m1 --timestamp 1700000000 --type job --user-id guest --app-id cron';
    const headers = [
      '-H',
      'host: web:1',
      '-H',
      'n:=5',
      '-H',
      'delay:={"$int16":5}',
      '-H',
      'list:=[true,null]',
    ];
    out(['publish', '-r', queue, ...flags.split(' '), ...headers, 'x']);
    const message = channel.basicGet(queue, { noAck: true })!;
    expect(message.properties).toMatchObject({
      deliveryMode: 2,
      contentType: 'text/plain',
      contentEncoding: 'gzip',
      replyTo: 'answers',
      correlationId: '7',
      priority: 3,
      expiration: '90000',
      messageId: 'm1',
      timestamp: new Date(1_700_000_000_000),
      type: 'job',
      userId: 'guest',
      appId: 'cron',
    });
    expect(message.typedHeaders).toEqual(
      new Map<string, unknown>([
        ['host', typed.string('web:1')],
        ['n', typed.int32(5)],
        ['delay', typed.int16(5)],
        ['list', [typed.boolean(true), typed.void()]],
      ]),
    );
  });

  it('ends with 5 for a body that no queue takes, and says how many were published', () => {
    const nowhere = unique('nowhere');
    expect(said('publish', '-r', nowhere, 'x')).toEqual([
      5,
      `amqp-sync: message 1 was not taken: there is no queue "${nowhere}" (312 NO_ROUTE); 0 were taken\n`,
    ]);
    expect(said('publish', '-e', 'amq.direct', '-r', nowhere, 'x', 'y')).toEqual([
      5,
      'amqp-sync: message 1 was not taken: no queue is bound to the exchange "amq.direct" for the routing key ' +
        `"${nowhere}" (312 NO_ROUTE); 0 were taken, 2 were not\n`,
    ]);
    expect(cli(['publish', '-r', unique('nowhere'), '--no-mandatory', 'x']).status).toBe(0);
    expect(cli(['publish', '-r', unique('nowhere'), '--no-confirm', 'x']).status).toBe(0);
  });

  it.each([[[]], [['-f', '/dev/null']]])('%j: an empty input is no message', (args) => {
    const { status, stderr } = cli(['publish', '-r', queue, ...args]);
    expect([status, stderr.toString()]).toEqual([
      2,
      `amqp-sync: nothing is published: ${args[1] ?? 'stdin'} is empty; an empty message needs --allow-empty\n`,
    ]);
    expect(count(channel, queue)).toBe(0);
  });

  it('JSON that is wrong: the lines before it are published, and its number is said', () => {
    const { status, stderr } = cli(['publish', '-r', queue, '--json'], {
      input: '{"body":"one"}\n{"bdy":""}\n',
    });
    expect([status, stderr.toString()]).toEqual([
      1,
      'amqp-sync: line 2 is no message: unknown field "bdy"\n',
    ]);
    expect(takeAll(channel, queue)).toEqual(['one']);
  });

  it('100 MB of bytes, on 4.3 the 16 MB that it takes at most', () => {
    const file = join(folder, 'large');
    const size = LARGE_MESSAGE[versionOf(channel.connection)];
    const bytes = randomBytes(size);
    writeFileSync(file, bytes);
    out(['publish', '-r', queue, '-f', file]);
    const { status, stdout } = cli(['get', queue]);
    expect(status).toBe(0);
    expect(stdout.equals(bytes)).toBe(true);
    if (versionOf(channel.connection) === '3.10') return;
    appendFileSync(file, 'x');
    const refused = cli(['publish', '-r', queue, '-f', file]);
    expect(refused.status).toBe(1);
    expect(refused.stderr.toString()).toMatch(
      new RegExp(
        `406 PRECONDITION_FAILED - message size ${size + 1} is larger than configured max size ${size}\\n$`,
      ),
    );
  });

  it('a slow writer’s lines go out as they come', async () => {
    const publisher = started('publish', '-r', queue, '--lines');
    publisher.stdin.write('one\n');
    await until(() => count(channel, queue) === 1, publisher);
    publisher.stdin.end('1 before\n');
    expect((await publisher.end).status).toBe(0);
    expect(takeAll(channel, queue)).toEqual(['one', '1 before']);
  });
});

describe('get', () => {
  it('ends with 0 and the body as it is; with 2 when the queue is empty; with 1 when it is missing; with 64 without a name', () => {
    const body = randomBytes(1000);
    fill(channel, queue, body);
    expect(cli(['get', '-q', queue])).toMatchObject({ status: 0, stdout: body });
    expect(status('get', queue)).toBe(2);
    expect(status('get', unique('missing'))).toBe(1);
    expect(status('get')).toBe(64);
  });

  it('prints several, a line each; and those that are put back are there again', () => {
    fill(channel, queue, 'one', 'two', 'three');
    expect(out(['get', queue, '-c', '2', '--lines', '--settle', 'requeue'])).toBe('one\ntwo\n');
    expect(out(['get', queue, '-c', '9', '-0'])).toBe('one\0two\0three\0');
  });

  it('waits for a message until the timeout', () => {
    const { stdout } = shell(
      `(sleep 0.5; amqp-sync publish -r ${queue} late) & amqp-sync get ${queue} --timeout 20s; wait`,
    );
    expect(stdout.toString()).toBe('late');
  });
});

describe('consume', () => {
  it('takes so many, and no more', () => {
    fill(channel, queue, 'one', 'two', 'three');
    expect(out(['consume', queue, '-c', '2', '--lines'])).toBe('one\ntwo\n');
    expect(takeAll(channel, queue)).toEqual(['three']);
  });

  it('waits until nothing comes, and ends with 2 if nothing came at all', () => {
    fill(channel, queue, 'one');
    expect(out(['consume', queue, '--timeout', '200ms'])).toBe('one');
    expect(status('consume', queue, '--timeout', '0')).toBe(2);
  });

  it('runs a command for each message: its stdin is the body, and only what went well is acked', () => {
    for (const body of ['good', 'bad', 'fine'])
      channel.basicPublish(body, { routingKey: queue, messageId: body });
    const { status, stdout, stderr } = shell(
      `amqp-sync consume ${queue} -c 3 -- sh -c 'cat; echo " $AMQP_MESSAGE_ID"; test "$AMQP_MESSAGE_ID" != bad'`,
    );
    expect(stdout.toString()).toBe('good good\nbad bad\nfine fine\n');
    expect(stderr.toString()).toBe('amqp-sync: message 2: sh: exit status 1\n');
    expect(status).toBe(1);
    expect(takeAll(channel, queue)).toEqual(['bad']);
  });

  it('with -q the command needs no --, and its own flags are its own', () => {
    fill(channel, queue, 'one', 'two');
    expect(
      out(['consume', '-c', '1', '-q', queue, 'sh', '-c', 'cat; echo " $@"', 'sh', '-c', '--', '-x']),
    ).toBe('one -c -- -x\n');
    expect(out(['consume', '-q', queue, '--timeout', '1s', '--lines'])).toBe('two\n');
  });

  it.each([
    ['reject', []],
    ['requeue', ['bad']],
    ['stop', ['bad', 'next']],
  ])('does with the message of a command that fails what --on-failure says: %s', (how, left) => {
    fill(channel, queue, 'bad', ...(how === 'stop' ? ['next'] : []));
    expect(cli(['consume', queue, '-c', '1', '--on-failure', how, '--', 'false']).status).toBe(1);
    expect(takeAll(channel, queue)).toEqual(left);
  });

  it('commands that fail, and whose messages are kept, do not make it wait for ever', () => {
    fill(channel, queue, 'one', 'two', 'three');
    const { status, stderr } = cli(['consume', queue, '-p', '2', '--', 'false']);
    expect([status, stderr.toString()]).toEqual([
      1,
      expect.stringContaining('2 messages failed and are kept: no more come before they are put back\n'),
    ]);
    expect(count(channel, queue)).toBe(3);
  });

  it('the queue is deleted meanwhile: 1, and a line that says so', async () => {
    const consumer = started('consume', queue);
    await until(() => isConsumed(queue), consumer);
    channel.queueDelete(queue);
    const { status, stderr } = await consumer.end;
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^amqp-sync: the broker cancelled consumer .* its queue was deleted.*\n$/),
    ]);
  });

  it.each(['--help', 'man', 'completion'])('%s into a pipe that is closed: 141, and not a word', (what) => {
    const args = what === 'completion' ? `${what} bash` : what;
    const { status, stderr } = shell(`{ sleep 0.5; amqp-sync ${args}; } | true`);
    expect([status, stderr.toString()]).toEqual([141, '']);
  });

  it('nothing is acked that was not written: head closes the pipe', () => {
    const many = 20_000;
    for (let n = 0; n < many; n++) channel.basicPublish(`${n} ${'x'.repeat(100)}`, { routingKey: queue });
    const { stdout, status } = shell(`amqp-sync consume ${queue} --lines -p 10 | head -2 | cut -d' ' -f1`);
    expect([status, stdout.toString()]).toEqual([141, '0\n1\n']);
    // what fitted into the pipe was written
    expect(count(channel, queue)).toBeGreaterThan(many - 2000);
  });

  it.each<[NodeJS.Signals]>([['SIGINT'], ['SIGTERM']])(
    '%s ends it at once, and what is unacked goes back',
    async (signal) => {
      fill(channel, queue, 'one');
      const end = await interrupted(['consume', queue], signal, (stdout) => stdout === 'one');
      expect(end).toEqual({ code: null, signal, stdout: 'one', stderr: '' });
      expect(count(channel, queue)).toBe(0);
    },
  );

  it('without a queue: one for the time being, whose name is said on stderr', async () => {
    const exchange = unique('exchange');
    channel.exchangeDeclare(exchange, 'topic', { autoDelete: true });
    const consumer = started('consume', '-e', exchange, '-r', 'a.b,c.d', '-c', '2', '--lines');
    await until(() => isTaken('one', exchange, 'a.b'), consumer);
    expect(isTaken('no', exchange, 'x')).toBe(false);
    await until(() => isTaken('two', exchange, 'c.d'), consumer);
    const { stdout, stderr } = await consumer.end;
    expect(stdout).toBe('one\ntwo\n');
    expect(stderr).toMatch(/^the broker calls the queue amq\.gen-/);
  });
});

it('tail shows what an exchange gets, and takes it from nobody', async () => {
  const exchange = unique('exchange');
  channel.exchangeDeclare(exchange, 'direct', { autoDelete: true });
  const tail = started('tail', exchange, '-c', '2', '--lines');
  await until(() => isTaken('zero', exchange), tail);
  channel.queueBind(queue, exchange);
  expect(isTaken('one', exchange)).toBe(true);
  expect((await tail.end).stdout).toBe('zero\none\n');
  expect(takeAll(channel, queue)).toEqual(['one']);
});

describe('JSON is lossless', () => {
  const headers = {
    boolean: typed.boolean(true),
    int8: typed.int8(-128),
    uint8: typed.uint8(255),
    int16: typed.int16(5),
    uint16: typed.uint16(65_535),
    int32: typed.int32(5),
    uint32: typed.uint32(4_294_967_295),
    small64: typed.int64(5),
    int64: typed.int64(-(2n ** 63n)),
    safe64: typed.int64(2 ** 40),
    signed64: new TypedValue('L', -3_000_000_000),
    float: typed.float(0.5),
    double: typed.double(0.1),
    whole: typed.double(3),
    minusZero: typed.double(-0),
    decimal: typed.decimal(-314, 2),
    string: typed.string('grün'),
    notUtf8: typed.string(Buffer.of(0xff, 0xfe)),
    bytes: typed.bytes(Buffer.of(0, 1, 254)),
    timestamp: typed.timestamp(1_700_000_000),
    far: typed.timestamp(2n ** 63n),
    void: typed.void(),
    array: [typed.int8(1), 'two', [typed.double(3)], { four: typed.int16(4) }],
    table: { nested: { $int16: 5 } },
    __proto__: null,
  };

  it.each([
    ['text', Buffer.from('grün\n')],
    ['bytes', Buffer.of(0xff, 0, 0x80)],
  ])('headers of every type, all properties, and %s', (_what, body) => {
    const other = sharedQueue(channel);
    channel.basicPublish(body, {
      routingKey: queue,
      headers,
      timestamp: 2n ** 60n,
      contentType: 'a/b',
      priority: 3,
      expiration: '90000',
      deliveryMode: 2,
    });
    fill(channel, queue, 'plain');
    const { status, stderr } = shell(
      `amqp-sync consume ${queue} --json -c 2 | tee ${folder}/dump | amqp-sync publish --json -r ${other}`,
    );
    expect([status, stderr.toString()]).toEqual([0, '']);
    const [first, second] = [
      channel.basicGet(other, { noAck: true })!,
      channel.basicGet(other, { noAck: true })!,
    ];
    channel.basicPublish(body, { routingKey: queue, headers });
    const original = channel.basicGet(queue, { noAck: true })!;
    expect(first.typedHeaders).toEqual(original.typedHeaders);
    expect(first.body).toEqual(body);
    expect(first.properties).toMatchObject({
      timestamp: 2n ** 60n,
      contentType: 'a/b',
      priority: 3,
      deliveryMode: 2,
    });
    expect(second.properties).toEqual({ contentEncoding: 'utf-8' });
    expect(readFileSync(join(folder, 'dump'), 'utf8').split('\n')).toHaveLength(3);
    channel.queueDelete(other);
  });
});

it('400,000 lines in, confirmed, and out again; four times fewer need no less memory', () => {
  const needs = join(folder, 'needs');
  const hook = join(folder, 'hook.cjs');
  writeFileSync(
    hook,
    `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(needs)}, String(process.resourceUsage().maxRSS)));`,
  );
  const long = unique('long'); // the other queues of these tests end when they are idle for long
  channel.queueDeclare(long, { durable: true });
  const publish = (many: number) => {
    shell(`seq ${many} > ${folder}/lines`);
    // a small young generation keeps the noise below what 300,000 lines of 50 bytes would add
    const env = { NODE_OPTIONS: `--require ${hook} --max-semi-space-size=1` };
    out(['publish', '-r', long, '-l', '-f', `${folder}/lines`], { env });
    return Number(readFileSync(needs)) / 1024;
  };
  const fewer = publish(100_000);
  channel.queuePurge(long);
  expect(publish(400_000)).toBeLessThan(fewer + 15);
  const { status, stderr } = shell(
    // not through a pipe, which costs two processes a change of turns for each line
    `amqp-sync consume ${long} -A -c 400000 > ${folder}/taken && cmp ${folder}/taken ${folder}/lines`,
  );
  channel.queueDelete(long);
  expect([status, stderr.toString()]).toEqual([0, '']);
}, 900_000);

it('on a terminal long work has a bar with its rate and the time that is left, and a sum', () => {
  // a round trip for each message: however fast the machine is, that lasts for more than the second before a bar is shown
  shell(`seq 40000 > ${folder}/lines`);
  const { stdout } = shell(
    `script -qec '${process.execPath} ${build()}/bin/amqp-sync.js publish -r ${queue} -l --window 1 -f ${folder}/lines' /dev/null < /dev/null`,
  );
  expect(stdout.toString()).toMatch(/\d+% \| \d+ messages \| \d+\/s \| [\w ]+ left/);
  expect(stdout.toString()).toContain('40000 messages published');
  expect(count(channel, queue)).toBe(40_000);
}, 600_000);

it('what goes wrong is red on a terminal, unless NO_COLOR is set', () => {
  const wrong = `${process.execPath} ${build()}/bin/amqp-sync.js get ${unique('missing')}`;
  const red = '\x1b[31m';
  expect(shell(`script -qec '${wrong}' /dev/null`).stdout.toString()).toContain(red);
  expect(
    shell(`script -qec '${wrong}' /dev/null`, { env: { NO_COLOR: '1' } }).stdout.toString(),
  ).not.toContain(red);
  expect(shell(wrong).stderr.toString()).not.toContain(red);
});
