import { FRAME_MIN_SIZE } from './constants';
import type { Table, TableInput } from './field-table';
import type { Args, Input, Method, MethodName } from './method-types';
import { chooseMechanism, initialResponse, isBuiltIn } from './sasl';
import { isRabbitmqSince } from './server-version';
import { ProtocolViolation } from './violation';

export interface HandshakeParams {
  /** SASL mechanisms in order of preference. One that is not built in is answered by somebody else. */
  mechanisms: readonly string[];
  username: string;
  /** May be replaced while the connection is open (connection.update-secret). */
  password: string;
  vhost: string;
  locale: string;
  clientProperties: TableInput;
  /** 0: the server's. */
  channelMax: number;
  frameMax: number;
  /** Seconds; undefined: the server's; 0: none. */
  heartbeat: number | undefined;
  /** `heartbeat` counts also where the server offers a shorter one; RabbitMQ takes any. */
  heartbeatWins?: boolean | undefined;
}

/** Limits that both sides agreed on. */
export interface Tuning {
  channelMax: number;
  frameMax: number;
  heartbeat: number;
}

export type HandshakeStage =
  | 'connection.start'
  | 'sasl response'
  | 'connection.tune'
  | 'connection.open-ok'
  | 'open';

/** A method to send; what the handshake wants to be written next. */
export type Outgoing = { [M in MethodName]: { name: M; args: Input<M> } }[MethodName];

/**
 * Description of what answered instead of an AMQP 0-9-1 broker, judged by its first bytes.
 * @see AMQP 0-9-1 §4.2.2: a broker that wants another version sends its own protocol header
 */
export function describeStranger(first: Buffer): string {
  const text = first.toString('latin1');
  if (text.startsWith('AMQP'))
    return `it wants ${first.length < 8 ? 'another version' : `AMQP ${versionOf(first)}`}`;
  if (text.startsWith('HTTP/')) return 'it is an HTTP server';
  if (text.startsWith('SSH-')) return 'it is an SSH server';
  if (first[0] === 0x15 || first[0] === 0x16) return 'it speaks TLS; use amqps:// or the option tls';
  return `it begins with ${JSON.stringify(text.replace(/[^ -~]/g, '?'))}`;
}

/** `AMQP` 1 1 0 9 is 0-9, 1 1 0 10 is 0-10; `AMQP` id 1 0 0 is 1.0; `AMQP` 0 0 9 1 is 0-9-1. */
function versionOf(header: Buffer): string {
  const [id, major, minor, revision] = [header[4], header[5], header[6], header[7]];
  if (major === 1 && minor === 0 && revision === 0) return '1.0';
  if (id === 1) return `${minor}-${revision}`;
  return `${major}-${minor}-${revision}`;
}

/** The credentials cannot be brought to the server; nothing of them was sent. */
export class CannotAuthenticate extends Error {}

/** Bytes that RabbitMQ takes in one frame before login, unless its `initial_frame_max` says more. */
const LIMIT_BEFORE_LOGIN = 8192;
const LIMIT_BEFORE_4_1 = 4096;

/**
 * Opens a connection: methods in, methods out, no I/O. @see AMQP 0-9-1 §2.2.4
 *
 *   client                                 server            stage while waiting
 *     |---- protocol header ----------------->|
 *     |<--- connection.start -----------------|             connection.start
 *     |                                       |             sasl response, while somebody else makes it
 *     |---- start-ok ------------------------>|
 *     |<--- connection.secure ----------------|   any times, for mechanisms that ask
 *     |---- secure-ok ----------------------->|
 *     |<--- connection.tune ------------------|             connection.tune
 *     |---- tune-ok, connection.open -------->|
 *     |<--- connection.open-ok ---------------|             connection.open-ok
 *                                                           open
 */
export class Handshake {
  stage: HandshakeStage = 'connection.start';
  tuning: Tuning = { channelMax: 0, frameMax: 0, heartbeat: 0 };
  /** The mechanism in use, once it has been chosen. */
  mechanism = '';
  /** Bytes that a frame of the login may take, as far as the server's version tells; it may take more. */
  loginLimit = Number.POSITIVE_INFINITY;
  #challenged = false;

  constructor(readonly params: HandshakeParams) {}

  /** Take the server's next method and return what to send. @throws {ProtocolViolation | CannotAuthenticate} */
  receive(method: Method): Outgoing[] {
    if (method.name === 'connection.start' && this.stage === method.name) return this.#start(method.args);
    if (method.name === 'connection.secure' && this.stage === 'connection.tune') return this.#secure();
    if (method.name === 'connection.tune' && this.stage === method.name) return this.#tune(method.args);
    if (method.name === 'connection.open-ok' && this.stage === method.name) {
      this.stage = 'open';
      return [];
    }
    throw new ProtocolViolation(503, 'unexpected method', 'handshake', this.stage, method.name);
  }

  #start(start: Args<'connection.start'>): Outgoing[] {
    if (start.versionMajor !== 0 || start.versionMinor !== 9) {
      const version = `${start.versionMajor}-${start.versionMinor}`;
      throw new ProtocolViolation(503, 'unsupported protocol version', 'connection.start', '0-9', version);
    }
    const mechanism = chooseMechanism(this.params.mechanisms, start.mechanisms);
    if (mechanism === undefined) {
      const wanted = this.params.mechanisms.join(' or ');
      throw new CannotAuthenticate(
        `the server does not offer ${wanted}; it offers: ${start.mechanisms || 'none'}`,
      );
    }
    this.mechanism = mechanism;
    this.loginLimit = usualLimit(start.serverProperties);
    this.stage = 'sasl response';
    const response = initialResponse(mechanism, this.params);
    return response === undefined ? [] : this.respond(response);
  }

  #secure(): Outgoing[] {
    if (isBuiltIn(this.mechanism)) {
      throw new CannotAuthenticate(
        `the server asks a question (connection.secure) that ${this.mechanism} has no answer to`,
      );
    }
    this.#challenged = true;
    this.stage = 'sasl response';
    return [];
  }

  /** The response of the mechanism has been made: to start, or to a challenge. */
  respond(response: Buffer): Outgoing[] {
    if (this.stage !== 'sasl response') return [];
    this.stage = 'connection.tune';
    if (this.#challenged) return [{ name: 'connection.secure-ok', args: { response } }];
    const { mechanism } = this;
    const { locale, clientProperties } = this.params;
    return [{ name: 'connection.start-ok', args: { clientProperties, mechanism, response, locale } }];
  }

  #tune(offer: Args<'connection.tune'>): Outgoing[] {
    if (offer.frameMax !== 0 && offer.frameMax < FRAME_MIN_SIZE) {
      throw new ProtocolViolation(
        501,
        'frame_max too small',
        'connection.tune',
        FRAME_MIN_SIZE,
        offer.frameMax,
      );
    }
    const { channelMax, frameMax, heartbeat, heartbeatWins, vhost } = this.params;
    const wins = heartbeatWins || heartbeat === 0;
    this.tuning = {
      channelMax: smaller(channelMax, offer.channelMax) || 0xffff,
      frameMax: smaller(frameMax, offer.frameMax),
      // asking for 0 is the one wish that needs no agreement: the spec lets the client turn heartbeats off
      heartbeat: heartbeat !== undefined && wins ? heartbeat : smaller(heartbeat ?? 0, offer.heartbeat),
    };
    this.stage = 'connection.open-ok';
    return [
      { name: 'connection.tune-ok', args: this.tuning },
      { name: 'connection.open', args: { virtualHost: vhost } },
    ];
  }
}

/** The smaller of two limits, where 0 stands for no limit. RabbitMQ resets a client that exceeds its offer. */
function smaller(ours: number, theirs: number): number {
  return ours === 0 || theirs === 0 ? ours || theirs : Math.min(ours, theirs);
}

function usualLimit(serverProperties: Table): number {
  const isNew = isRabbitmqSince(serverProperties, 4, 1);
  if (isNew === undefined) return Number.POSITIVE_INFINITY;
  return isNew ? LIMIT_BEFORE_LOGIN : LIMIT_BEFORE_4_1;
}
