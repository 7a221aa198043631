import { MAX_SHORTSTR, REPLY_CODES, type ReplyCode } from '../protocol/constants';
import { decodeUtf8 } from '../protocol/utf8';

/** Bytes of a text in front of the dots. */
const LONGEST_CUT = MAX_SHORTSTR - 3;

/**
 * A method that cannot be carried out. `scope` says what it ends: most codes always end the same, but 404 and
 * 403 end a connection while it is opened. The texts are RabbitMQ's, which people search for.
 */
export class Failure extends Error {
  constructor(
    readonly replyCode: ReplyCode,
    readonly detail: string,
    readonly scope: 'channel' | 'connection' = REPLY_CODES[replyCode].scope === 'connection'
      ? 'connection'
      : 'channel',
    /** Whether the method that failed is named to the client. */
    readonly namesMethod = true,
  ) {
    super(detail);
  }

  /** As it is sent: what does not fit into a short string ends in dots. */
  get replyText(): string {
    const text = this.#text;
    const bytes = Buffer.from(text);
    return bytes.length <= MAX_SHORTSTR ? text : `${decodeUtf8(bytes, 0, LONGEST_CUT)}...`;
  }

  /** Whether the dots come in the middle of a letter: RabbitMQ stumbles over that since 4.0. */
  get isCutInLetter(): boolean {
    const bytes = Buffer.from(this.#text);
    return bytes.length > MAX_SHORTSTR && (bytes[LONGEST_CUT]! & 0xc0) === 0x80;
  }

  get #text(): string {
    const { code } = REPLY_CODES[this.replyCode];
    return this.detail === '' ? code : `${code} - ${this.detail}`;
  }
}

/** `queue 'name' in vhost '/'`, as RabbitMQ writes it. */
export function nameOf(kind: 'queue' | 'exchange', name: string, vhost: string): string {
  return `${kind} '${name}' in vhost '${vhost}'`;
}

export function notFound(kind: 'queue' | 'exchange', name: string, vhost: string): Failure {
  return new Failure(404, `no ${nameOf(kind, name, vhost)}`);
}

/** Something that RabbitMQ itself stumbles over, and says no more of. */
export function internalError(): Failure {
  return new Failure(541, '', 'connection', false);
}

export function precondition(detail: string): Failure {
  return new Failure(406, detail);
}

/** A message was held for too long. `limit`: the milliseconds, or -1 where a queue has set them. */
export function timedOut(channel: number, limit: number): Failure {
  return precondition(
    `delivery acknowledgement on channel ${channel} timed out. Timeout value used: ${limit} ms. ` +
      'This timeout value can be configured, see consumers doc guide to learn more',
  );
}

export function refused(detail: string): Failure {
  return new Failure(403, detail);
}

export function locked(queue: string, vhost: string): Failure {
  return new Failure(
    405,
    `cannot obtain exclusive access to locked ${nameOf('queue', queue, vhost)}. It could be originally declared ` +
      'on another connection or the exclusive property value does not match that of the original declaration.',
  );
}
