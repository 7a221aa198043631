import type { HandshakeParams, Tuning } from '../protocol/handshake';

/** One broker to try, and what to say to it. Plain data: it is cloned into the worker. */
export interface Target {
  host: string;
  port: number;
  tls: TlsMaterial | undefined;
  /** Targets that are given the same credentials share one object. */
  handshake: HandshakeParams;
  /** Milliseconds that the broker may block publishing before the connection is given up; undefined: for ever. */
  blockedLimit?: number | undefined;
}

/** How sockets are opened, whatever the target. */
export interface DialOptions {
  noDelay: boolean;
  /** Milliseconds of silence before TCP probes; 0 is off. */
  keepAlive: number;
  /** Milliseconds until the next address is tried beside the ones under way; Infinity: one after the other. */
  happyEyeballsDelay: number;
  /** Addresses of the preferred family that come first, before the families take turns; 0: as resolved. */
  interleave: number;
}

/** What Node's `tls.connect` is given; it can be cloned. */
export interface TlsMaterial {
  ca?: TlsData | undefined;
  cert?: TlsData | undefined;
  key?: TlsData | undefined;
  pfx?: Uint8Array | string | undefined;
  passphrase?: string | undefined;
  crl?: TlsData | undefined;
  ciphers?: string | undefined;
  servername?: string | undefined;
  minVersion?: TlsVersion | undefined;
  maxVersion?: TlsVersion | undefined;
  rejectUnauthorized?: boolean | undefined;
}
/** A version of TLS, as Node calls it. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';
/** Certificates or a key: PEM as text or bytes, or several of them. */
export type TlsData = string | Uint8Array | (string | Uint8Array)[];

/** Everything a session needs to open a connection and keep it. */
export interface SessionOptions {
  /** In the order in which they are tried. */
  targets: Target[];
  dial: DialOptions;
  /** How often the list is gone through. */
  connectionAttempts: number;
  /** Milliseconds between two rounds. */
  retryDelay: number;
  /** Milliseconds for everything until a connection is open. */
  connectTimeout: number;
  /** Milliseconds of `connectTimeout` that are over before the worker is asked. */
  spent: number;
  /** Bytes the worker keeps for a main thread that does not read. */
  maxBufferedBytes: number;
  /** Main may write to the socket itself. */
  directWrites: boolean;
  /** Undefined: a lost connection is over. */
  recovery?: RecoverySettings | undefined;
  /** Undefined: nobody wants to see anything. */
  diagnostics?: Diagnostics | undefined;
}

/** What AMQP_SYNC_DEBUG and AMQP_SYNC_TRACE want to see of a connection. */
export interface Diagnostics {
  /** What the connection is called there. */
  label: string;
  /** Milliseconds after which a wait is told of; undefined: none is. */
  debugAfter: number | undefined;
  /** The file that all frames are written to. */
  trace: string | undefined;
}

/** What main waits for, and how things stand on its side. */
export interface WaitReport {
  /** Counts the waits of the connection. */
  wait: number;
  what: string;
  channel: number | undefined;
  /** Milliseconds, until now and from now on; Infinity: without a deadline. */
  waited: number;
  left: number;
  state: string;
  blockedReason: string | undefined;
  /** Events that wait to be dispatched. */
  events: number;
  channels: { id: number; unsettled: number; unconfirmed: number }[];
}

/** How a lost connection is recovered. Times are milliseconds. */
export interface RecoverySettings {
  /** Milliseconds before the second attempt; the first is made at once. */
  interval: number;
  /** The interval doubles up to this. */
  maxInterval: number;
  /** Part of an interval that is left to chance: 0 to 1. */
  jitter: number;
  /** Attempts in a row before recovery is given up. */
  attempts: number;
  /** Milliseconds for the first attempt after a loss; doubled up to `connectTimeout`. */
  attemptTimeout: number;
  /** The first connection of all is not tried again. */
  failFast: boolean;
  /** Declare again what was declared, and start the consumers again. */
  topology: boolean;
}

/** What `connection.close` says. */
export interface CloseReason {
  replyCode: number;
  replyText: string;
  classId: number;
  methodId: number;
  /** Milliseconds for the answer; then the socket is put down. */
  timeout: number;
}

/** What main tells the worker without waiting for an answer. */
export type Command =
  | { command: 'close'; reason: CloseReason }
  | { command: 'abort' }
  /** A SASL response that main has made; `question` counts the responses that were asked for. */
  | { command: 'respond'; response: Uint8Array; question: number }
  /** The password has been replaced, also for connections to come. */
  | { command: 'secret'; secret: string }
  /** `allowSuspension`: a consumer that may be suspended has started; `forbidSuspension`: it has ended. */
  | { command: 'allowSuspension'; key: string; consumer: SuspendableConsumer }
  | { command: 'forbidSuspension'; key: string }
  /** A consumer reads a stream, and this is where main writes how far it has come (see StreamPosition). */
  | { command: 'follow'; channel: number; consumerTag: string; position: BigInt64Array }
  /** Main is waiting, and somebody wants to know for what: said as often as its sleep is interrupted to look after the worker. */
  | { command: 'waits'; report: WaitReport }
  /** `suspended`: so much of the consumer waits in its NoAckBuffer that it should be. */
  | { command: 'suspend'; key: string; suspended: boolean };

/** The frames that end a consumer for a while, and start it again. */
export interface SuspendableConsumer {
  cancel: Uint8Array;
  consume: Uint8Array;
}

/** Bytes of AMQP, both ways. */
export interface Traffic {
  bytesIn: number;
  bytesOut: number;
}

/** What an open session tells about itself. */
export interface SessionDescription extends Traffic {
  tuning: Tuning;
  /** `host:port` as it was asked for. */
  host: string;
  /** `local:port -> remote:port` */
  address: string;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`, or empty. */
  tls: string;
}
