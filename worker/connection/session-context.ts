import type { ErrorRecord } from '../../src/contract/error-record';
import type { ReplayReport } from '../../src/topology/replay-steps';
import type { FrameWatch } from './frame-watch';
import type { Inbound } from './inbound';
import type { NoAckSuspension } from './no-ack-suspension';
import type { TopologyRecorder } from './topology-recorder';

/** Events of a session, for its connection. */
export interface SessionEvents {
  /** A response of its SASL mechanism is wanted, and it is not built in. */
  asked(): void;
  /** The broker has let us in. */
  accepted(): void;
  /** The session is main's now. In place of a lost one, its topology is there again. */
  opened(): void;
  /** The session was open, and will end for this reason. */
  ending(record: ErrorRecord): void;
  /** The session is over. The record is undefined if it was closed as asked. */
  ended(record: ErrorRecord | undefined): void;
}

/** State of the connection that outlives a session. */
export interface SessionContext {
  readonly inbound: Inbound;
  readonly noAckSuspension: NoAckSuspension;
  /** Undefined without recovery: a lost connection is over, and what was declared need not be known. */
  readonly recorder: TopologyRecorder | undefined;
  /** Undefined: nobody wants to see the frames. */
  readonly watch: FrameWatch | undefined;
  /** Changes and failures of replays since main last heard of one. */
  readonly report: ReplayReport;
}
