import type {
  BatchFacts,
  BlockedFacts,
  CallFacts,
  CloseFacts,
  ConfirmFacts,
  ConfirmWaitFacts,
  ConnectFacts,
  DeliverFacts,
  EndFacts,
  ProcessFacts,
  PublishFacts,
  RecoveryFacts,
  ReturnFacts,
  RpcFacts,
  SettleFacts,
  WaitFacts,
} from '../client/diagnostics';
import type { Channel } from './channel';
import type { Connection } from './connection';
import type { IncomingMessage, ReturnedMessage } from './message';

/** Whose something is; `channel` is undefined for one that the library has opened for itself. */
interface Whose {
  readonly connection: Connection;
  readonly channel: Channel | undefined;
}

/** Around the opening of a connection. Behind `end` it is open, unless there is an `error`. */
export interface ConnectOperation extends ConnectFacts {
  readonly connection: Connection;
}

/**
 * Around a publish, and around its wait for the confirm if there is one; in a batch only around its way out.
 * @example
 * // a header for every message of this program
 * subscribe('tracing:amqp-sync:publish:start', (operation) => {
 *   (operation as PublishOperation).headers['x-sent-by'] = 'import-7';
 * });
 */
export interface PublishOperation extends PublishFacts, Whose {
  readonly channel: Channel | undefined;
  readonly batch: BatchOperation | undefined;
}

/** Around `publishBatch`. */
export interface BatchOperation extends BatchFacts, Whose {
  readonly channel: Channel | undefined;
}
