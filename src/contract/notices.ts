import type { ReplayFailure } from '../topology/replay-steps';
import type { ErrorRecord } from './error-record';
import type { SessionDescription } from './session-options';

/**
 * What the worker tells main about a recovery, in a frame of its own among those of the broker: what is before it
 * in the ring belongs to the generation of the connection that has ended, what is behind it to the new one.
 */
export type Notice =
  | {
      notice: 'lost';
      /** Why. */
      record: ErrorRecord;
    }
  | {
      notice: 'recovered';
      /** 2 after the first recovery, and one more for each. */
      generation: number;
      session: SessionDescription;
      /** Milliseconds it was away. */
      downtime: number;
      /** Connections that were tried. */
      attempts: number;
      /** Server-named queues: old name, new name. */
      renames: [string, string][];
      failures: ReplayFailure[];
      /** The channels that are open, and the consumers of each. */
      channels: [number: number, consumerTags: string[]][];
    };
