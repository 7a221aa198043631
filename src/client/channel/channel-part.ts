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
