import type { AmqpError } from '../../errors';
import type { RecoveryFailure } from '../connection/recovery-info';
import type { Answer } from './replies';

/** One concern of a channel. The session tells its parts, in their order, what becomes of the channel. */
export interface ChannelPart {
  /** What the broker says to this part, by method. All else are replies. */
  readonly handlers?: Readonly<Record<string, (answer: Answer) => void>>;
  /** channel.open is about to be said: nothing of an earlier channel counts any more. */
  opening?(): void;
  /** channel.close is about to be said. */
  closing?(): void;
  /** The connection is lost, and will be recovered. */
  connectionLost?(error: AmqpError): void;
  /** The connection has been recovered, and on this channel the consumers with these tags. */
  recovered?(tags: readonly string[], failures: readonly RecoveryFailure[]): void;
  /** The channel has ended: nothing will come any more. */
  closed?(reason: AmqpError): void;
  /** What it knows about an end that this method caused. */
  aside?(method: string | undefined): string;
  isStuck?(isEndless: boolean): boolean;
  /** Whether the wait for `goal` is one of this part. */
  isAwaiting?(goal: object): boolean;
  /** Publishes that wait for the broker's word. */
  readonly unconfirmed?: number;
}

/** The parts of a channel, asked together. */
export class PartList implements Iterable<ChannelPart> {
  readonly #parts: readonly ChannelPart[];
  readonly #handlers = new Map<string, (answer: Answer) => void>();

  constructor(parts: readonly ChannelPart[]) {
    this.#parts = parts;
    for (const { handlers = {} } of parts)
      for (const [method, handle] of Object.entries(handlers)) this.#handlers.set(method, handle);
  }

  [Symbol.iterator](): Iterator<ChannelPart> {
    return this.#parts[Symbol.iterator]();
  }

  /** What the broker says to one of them; undefined: it is a reply. */
  handler(method: string): ((answer: Answer) => void) | undefined {
    return this.#handlers.get(method);
  }

  aside(method: string | undefined): string {
    return this.#parts.map((part) => part.aside?.(method) ?? '').join('');
  }

  isStuck(isEndless: boolean): boolean {
    return this.#parts.some((part) => part.isStuck?.(isEndless));
  }

  isAwaiting(goal: object): boolean {
    return this.#parts.some((part) => part.isAwaiting?.(goal));
  }

  get unconfirmed(): number {
    return this.#parts.reduce((sum, { unconfirmed = 0 }) => sum + unconfirmed, 0);
  }
}
