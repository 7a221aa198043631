import type {
  BatchFacts,
  BlockedFacts,
  CallFacts,
  ConfirmFacts,
  ConfirmWaitFacts,
  ConnectFacts,
  DeliverFacts,
  EndFacts,
  FailureFacts,
  ProcessFacts,
  PublishFacts,
  RecoveryFacts,
  ReturnFacts,
  RpcFacts,
  SettleFacts,
  Thrown,
  WaitFacts,
} from '../client/diagnostics';
import type { Channel } from './channel';
import type { Connection } from './connection';
import type { IncomingMessage, ReturnedMessage } from './message';

/** What belongs to a connection. */
export interface OfConnection {
  /** The connection. */
  readonly connection: Connection;
}

/** What belongs to a channel. */
export interface OfChannel extends OfConnection {
  /** The channel; undefined: it is about the connection, or about a channel that the library has opened for itself. */
  readonly channel: Channel | undefined;
}

// ── tracing channels: `tracing:NAME:start`, `tracing:NAME:end`, `tracing:NAME:error` ──────────────────

/** `amqp-sync:connect`, around the opening of a connection. Its members can be asked behind `end`, unless there is an `error`. */
export interface ConnectOperation extends ConnectFacts, OfConnection {}

/**
 * `amqp-sync:publish`, around a publish and its wait for the confirm, if there is one; in a batch around its way out only.
 * @example
 * // a header for every message of this program
 * tracingChannel('amqp-sync:publish').start.subscribe((operation) => {
 *   (operation as PublishOperation).headers['x-sent-by'] = 'import-7';
 * });
 */
export interface PublishOperation extends PublishFacts, OfChannel {
  /** Its number in confirm mode, once it was written; after a recovery perhaps another one. */
  readonly seqNo: number | undefined;
  /** The batch that it is part of. */
  readonly batch: BatchOperation | undefined;
}

/** `amqp-sync:batch`, around `publishBatch`, with the publishes in it. */
export interface BatchOperation extends BatchFacts, OfChannel {}

/** `amqp-sync:confirm`, around a wait for confirms. */
export interface ConfirmOperation extends ConfirmWaitFacts, OfChannel {}

/** `amqp-sync:process`, around a function of the program's that works on a message: callbacks, and that of `process`. */
export interface ProcessOperation extends ProcessFacts, OfChannel {
  /** The message. */
  readonly message: IncomingMessage;
}

/** `amqp-sync:call`, around a method that waits for the broker's answer. */
export interface CallOperation extends CallFacts, OfChannel {}

/** `amqp-sync:rpc`, around the call of a procedure. */
export interface RpcOperation extends RpcFacts, OfConnection {
  /** The reply, once it is there. */
  readonly reply: IncomingMessage | undefined;
}

/** `amqp-sync:wait`, around the sleep of `drainEvents`, of a loop, of `waitAny`: for what the broker may send. */
export interface WaitOperation extends WaitFacts {
  /** More than one with `waitAny`. */
  readonly connections: readonly Connection[];
}

/** `amqp-sync:close`, around the closing of a channel or a connection by this program. */
export interface CloseOperation extends Thrown, OfChannel {}

// ── channels ────────────────────────────────────────────────────────────────────────────────────────

/** `amqp-sync:confirm`: it is known what became of a publish in confirm mode. */
export interface ConfirmedEvent extends ConfirmFacts, OfChannel {
  /** What was told of the publish, if somebody listened to it then. */
  readonly publish: PublishOperation | undefined;
}

/** `amqp-sync:return`: a mandatory message came back. */
export interface ReturnedEvent extends ReturnFacts, OfChannel {
  /** The message. */
  readonly message: ReturnedMessage;
}

/** `amqp-sync:deliver`: the program gets a message now. */
export interface DeliveredEvent extends DeliverFacts, OfChannel {
  /** The message. */
  readonly message: IncomingMessage;
}

/**
 * `amqp-sync:failure`: a function of the program's has thrown over a message, and that is dealt with: by `onError`, by `retry`, by
 * an answer to the caller. What nobody deals with is the `error` of `amqp-sync:process`.
 */
export interface FailedEvent extends FailureFacts, OfChannel {
  /** The message. */
  readonly message: IncomingMessage;
}

/** `amqp-sync:settle`: a message was acked, given back or away. */
export interface SettledEvent extends SettleFacts, OfChannel {}

/** `amqp-sync:recovery`: the connection is lost, or there again. */
export interface RecoveryEvent extends RecoveryFacts, OfConnection {}

/** `amqp-sync:blocked`: the broker blocks publishing, or does no more. */
export interface BlockedEvent extends BlockedFacts, OfConnection {}

/** `amqp-sync:close`: a channel or a connection has ended, whoever wanted it. */
export interface ClosedEvent extends EndFacts, OfChannel {}
