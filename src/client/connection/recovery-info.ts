import type { AmqpError } from '../../errors';

/** Something that could not be brought back. */
export interface RecoveryFailure {
  /** What kind of thing it is. */
  entity: 'exchange' | 'queue' | 'binding' | 'consumer' | 'channel';
  /** The name of the entity: of a binding both ends, of a consumer its tag, of a channel its number. */
  name: string;
  /** The number of the channel, of a consumer or a channel. */
  channel: number | undefined;
  /** What the broker said. */
  error: AmqpError;
}

/** What `connection.onRecovery` is told. */
export interface RecoveryInfo {
  /** 2 after the first recovery, and one more for each. */
  epoch: number;
  /** Why it was lost. */
  cause: AmqpError;
  /** Milliseconds it was away. */
  downtime: number;
  /** Attempts it took. */
  attempts: number;
  /** `host:port` it is connected to now. */
  host: string;
  /** Queues that the broker has named anew, by their old names. The old ones go on working in calls. */
  renamed: ReadonlyMap<string, string>;
  /** What is not there again. */
  failures: readonly RecoveryFailure[];
}
