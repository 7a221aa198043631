import { FRAME_MIN_SIZE } from './constants';
import type { TableInput } from './field-table';
import type { Args, Input, Method, MethodName } from './method-types';
import { initialResponse, type MechanismName } from './sasl';
import { ProtocolViolation } from './violation';

export interface HandshakeParams {
  mechanism: MechanismName;
  username: string;
  password: string;
  vhost: string;
  locale: string;
  clientProperties: TableInput;
  /** 0: the server's. */
  channelMax: number;
  frameMax: number;
  /** Seconds; undefined: the server's; 0: none. */
  heartbeat: number | undefined;
}

/** What both sides agreed on. */
export interface Tuning {
  channelMax: number;
  frameMax: number;
  heartbeat: number;
}

export type HandshakeStage = 'connection.start' | 'connection.tune' | 'connection.open-ok' | 'open';

/** A method to send; what the handshake wants to be written next. */
export type Outgoing = { [M in MethodName]: { name: M; args: Input<M> } }[MethodName];

/**
 * What answered instead of an AMQP 0-9-1 broker, judged by its first bytes.
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

/** The server offers no mechanism that was asked for. */
export class NoCommonMechanism extends Error {
  constructor(
    readonly wanted: string,
    readonly offered: string,
  ) {
    super(`the server does not offer ${wanted}; it offers: ${offered || 'none'}`);
  }
}

/**
 * Opens a connection: methods in, methods out, no I/O. @see AMQP 0-9-1 §2.2.4
 *
 *   client                                 server            stage while waiting
 *     |---- protocol header ----------------->|
 *     |<--- connection.start -----------------|             connection.start
 *     |---- start-ok ------------------------>|
 *     |<--- connection.tune ------------------|             connection.tune
 *     |---- tune-ok, connection.open -------->|
 *     |<--- connection.open-ok ---------------|             connection.open-ok
 *                                                           open
 */
export class Handshake {
  stage: HandshakeStage = 'connection.start';
  tuning: Tuning = { channelMax: 0, frameMax: 0, heartbeat: 0 };

  constructor(readonly params: HandshakeParams) {}

  /** Take the server's next method and return what to send. @throws {ProtocolViolation | NoCommonMechanism} */
  receive(method: Method): Outgoing[] {
    if (method.name === 'connection.start' && this.stage === method.name) return this.#start(method.args);
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
    const { mechanism, locale, clientProperties } = this.params;
    if (!start.mechanisms.split(' ').includes(mechanism))
      throw new NoCommonMechanism(mechanism, start.mechanisms);
    this.stage = 'connection.tune';
    const response = initialResponse(mechanism, this.params);
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
    const { channelMax, frameMax, heartbeat, vhost } = this.params;
    this.tuning = {
      channelMax: smaller(channelMax, offer.channelMax) || 0xffff,
      frameMax: smaller(frameMax, offer.frameMax),
      // asking for 0 is the one wish that needs no agreement: the spec lets the client turn heartbeats off
      heartbeat: heartbeat === undefined ? offer.heartbeat : heartbeat && smaller(heartbeat, offer.heartbeat),
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
