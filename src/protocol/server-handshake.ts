import type { TableInput } from './field-table';
import type { Outgoing, Tuning } from './handshake';
import type { Args, Method } from './method-types';
import { readResponse } from './sasl';

/** The offer of a server, and how it judges who comes. */
export interface ServerOffer {
  serverProperties: TableInput;
  /** Mechanisms, of PLAIN, AMQPLAIN, ANONYMOUS and EXTERNAL; the latter two need no credentials. */
  mechanisms: readonly string[];
  /** The user that ANONYMOUS logs in. */
  anonymousUser: string;
  tuning: Tuning;
  /** The smallest frame_max that is taken. */
  frameMin: number;
  authenticate(username: string, password: string): boolean;
}

/** The client is not let in. `silent`: it is not told why, as RabbitMQ does. */
export class Refusal extends Error {
  constructor(
    readonly replyCode: 403 | 504,
    message: string,
    readonly silent: boolean,
  ) {
    super(message);
  }
}

/**
 * The server's side of opening a connection: methods in, methods out, no I/O. It ends with connection.open,
 * which names the virtual host and is answered by whoever has them. @see AMQP 0-9-1 §2.2.4
 *
 *   protocol header --> [start-ok] --start-ok--> [tune-ok] --tune-ok--> [open] --open--> [done]
 *        start <--'                   tune <--'
 */
export class ServerHandshake {
  stage: 'start-ok' | 'tune-ok' | 'open' | 'done' = 'start-ok';
  username = '';
  clientProperties: Args<'connection.start-ok'>['clientProperties'] = {};
  tuning: Tuning;
  virtualHost = '';

  constructor(readonly offer: ServerOffer) {
    this.tuning = offer.tuning;
  }

  /** The method that follows the protocol header. */
  begin(): Outgoing {
    const { serverProperties, mechanisms } = this.offer;
    const args = {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties,
      mechanisms: mechanisms.join(' '),
      locales: 'en_US',
    };
    return { name: 'connection.start', args };
  }

  /** Take the client's next method and return what to send. @throws {Refusal} */
  receive(method: Method): Outgoing[] {
    if (method.name === 'connection.start-ok' && this.stage === 'start-ok') return this.#start(method.args);
    if (method.name === 'connection.tune-ok' && this.stage === 'tune-ok') return this.#tune(method.args);
    if (method.name === 'connection.open' && this.stage === 'open') {
      this.virtualHost = method.args.virtualHost;
      this.stage = 'done';
      return [];
    }
    throw new Refusal(504, `unexpected method in connection state ${STATES[this.stage]}`, false);
  }

  #start({ clientProperties, mechanism, response }: Args<'connection.start-ok'>): Outgoing[] {
    this.clientProperties = clientProperties;
    if (!this.offer.mechanisms.includes(mechanism)) {
      throw new Refusal(403, `the mechanism ${mechanism} is not offered`, true);
    }
    const username = this.#login(mechanism, response);
    if (username === undefined) {
      const capabilities = clientProperties.capabilities as Record<string, unknown> | undefined;
      const text = `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`;
      throw new Refusal(403, text, capabilities?.authentication_failure_close !== true);
    }
    this.username = username;
    this.stage = 'tune-ok';
    return [{ name: 'connection.tune', args: this.offer.tuning }];
  }

  /** The user; undefined: the credentials are wrong. @throws {Refusal} they are none */
  #login(mechanism: string, response: Buffer): string | undefined {
    if (mechanism === 'ANONYMOUS' || mechanism === 'EXTERNAL') return this.offer.anonymousUser;
    const credentials = readResponse(mechanism, response);
    if (credentials === undefined) throw new Refusal(403, `the response of ${mechanism} is malformed`, true);
    const { username, password } = credentials;
    const isRight = password !== undefined && this.offer.authenticate(username, password);
    return isRight ? username : undefined;
  }

  /** A client may ask for less than was offered; a limit of 0 is more than any. */
  #tune(wish: Args<'connection.tune-ok'>): Outgoing[] {
    const { channelMax, frameMax } = this.offer.tuning;
    const isTooMuch =
      exceeds(wish.channelMax, channelMax) ||
      exceeds(wish.frameMax, frameMax) ||
      isSmall(wish.frameMax, this.offer);
    if (isTooMuch) throw new Refusal(504, 'the client asks for more than it was offered', true);
    this.tuning = wish;
    this.stage = 'open';
    return [];
  }
}

const STATES = { 'start-ok': 'starting', 'tune-ok': 'tuning', open: 'opening', done: 'running' } as const;

function exceeds(wish: number, offer: number): boolean {
  return offer !== 0 && (wish === 0 || wish > offer);
}

function isSmall(frameMax: number, { frameMin }: ServerOffer): boolean {
  return frameMax !== 0 && frameMax < frameMin;
}
