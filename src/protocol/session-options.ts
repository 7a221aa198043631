import type { HandshakeParams, Tuning } from './handshake';

/** Where to connect to, and how. Plain data: it is cloned into the worker. */
export interface Endpoint {
  host: string;
  port: number;
  noDelay: boolean;
  /** Milliseconds of silence before TCP probes; 0 is off. */
  keepAlive: number;
  tls: TlsOptions | undefined;
}

/** The options of Node's `tls.connect` that can be cloned. */
export interface TlsOptions {
  ca?: TlsData | undefined;
  cert?: TlsData | undefined;
  key?: TlsData | undefined;
  pfx?: Uint8Array | string | undefined;
  passphrase?: string | undefined;
  servername?: string | undefined;
  /** Default `TLSv1.2`. */
  minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** Default true. False accepts any certificate: whoever answers gets the password. */
  rejectUnauthorized?: boolean | undefined;
}
export type TlsData = string | Uint8Array | (string | Uint8Array)[];

/** Everything a session needs to open a connection and keep it. */
export interface SessionOptions {
  endpoint: Endpoint;
  handshake: HandshakeParams;
  /** Milliseconds for everything until the connection is open. */
  connectTimeout: number;
  /** Bytes the worker keeps for a main thread that does not read. */
  maxBufferedBytes: number;
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

/** What an open session tells about itself. */
export interface SessionDescription {
  tuning: Tuning;
  /** `local:port -> remote:port` */
  address: string;
  bytesIn: number;
  bytesOut: number;
}
