/// <reference types="node" preserve="true" />
/**
 * A blocking client for RabbitMQ: `connect`, a Channel with AMQP's verbs, and on top of them queues, exchanges, RPC and
 * transactions as objects.
 * @module amqp-sync
 */
export type { ConsumerArguments, QueueArguments, QueueType } from './api/arguments';
export { Channel, type GetOptions, type Publishing } from './api/channel';
export { Connection, connect, connectRobust } from './api/connection';
export { type Death, deaths } from './api/deaths';
export type {
  BatchOperation,
  BlockedEvent,
  CallOperation,
  ClosedEvent,
  CloseOperation,
  ConfirmedEvent,
  ConfirmOperation,
  ConnectOperation,
  DeliveredEvent,
  FailedEvent,
  OfChannel,
  OfConnection,
  ProcessOperation,
  PublishOperation,
  RecoveryEvent,
  ReturnedEvent,
  RpcOperation,
  SettledEvent,
  WaitOperation,
} from './api/diagnostics';
export {
  type BindOptions,
  Exchange,
  type ExchangeBatchOptions,
  type ExchangeOptions,
  type ExchangePublishOptions,
  type ExchangeTraits,
} from './api/exchange';
export {
  type BodyInput,
  IncomingMessage,
  Message,
  type ProcessOptions,
  ReturnedMessage,
} from './api/message';
export type { MessageCallback, MessageIterator } from './api/message-iterator';
export type { ExchangeName, Named, QueueName } from './api/names';
export { Procedure, type ProcedureOptions } from './api/procedure';
export {
  Queue,
  type QueueConsumeOptions,
  type QueueGetOptions,
  type QueueIteratorOptions,
  type QueueOptions,
  type QueueTraits,
} from './api/queue';
export { Remote, type RemoteHandle } from './api/remote';
export { type RetryOptions, retries, retry } from './api/retry';
export { type ServeOptions, Service, type WorkOptions } from './api/rpc-server';
export { type FailureHandler, type SubscribeOptions, Subscription } from './api/subscription';
export { Transaction } from './api/transaction';
export { waitAny } from './api/wait-any';
export type {
  BindingInfo,
  BrokerUser,
  ConnectionInfo,
  ConsumerInfo,
  ExchangeInfo,
  QueueInfo,
  ServerTls,
} from './broker/control';
export type { BrokerMetrics, QueueMetrics } from './broker/metrics';
export type { DeprecatedFeature, RabbitmqVersion } from './broker/rules';
export type {
  BasicConsumeOptions,
  BasicGetOptions,
  CancelCallback,
  ConsumeOptions,
  QosOptions,
} from './client/channel/consume-options';
export type { ConnectionStats } from './client/connection/connection-stats';
export type { RecoveryFailure, RecoveryInfo } from './client/connection/recovery-info';
export type { CallOptions, WaitOptions } from './client/options/checks';
export type { CloseOptions } from './client/options/close-options';
export type {
  AuthMechanism,
  ConnectOptions,
  CustomMechanism,
  HostOptions,
} from './client/options/connect-options';
export type { Duration, DurationParts, MessageProperties } from './client/options/conversions';
export type {
  BatchCounts,
  BatchOptions,
  ChannelMode,
  PublishOptions,
  PublishResult,
  ResultReceiver,
} from './client/options/publish-options';
export type { RecoveryOptions } from './client/options/recovery-options';
export type { TlsData, TlsOptions, TlsVersion } from './client/options/tls-options';
export type {
  AckOptions,
  BasicCancelOptions,
  BasicRecoverOptions,
  ConfirmSelectOptions,
  DeclaredQueue,
  ExchangeBindOptions,
  ExchangeDeclareOptions,
  ExchangeDeleteOptions,
  NackOptions,
  QueueBindOptions,
  QueueDeclareOptions,
  QueueDeleteOptions,
  QueuePurgeOptions,
  QueueUnbindOptions,
  RejectOptions,
} from './client/options/verb-options';
export type { BrokerOptions } from './embedded/options';
export {
  type ConnectionChoice,
  type EmbeddedBroker,
  type MessagesOptions,
  startBroker,
  type WaitingMessage,
} from './embedded/start-broker';
export {
  AccessRefusedError,
  AlreadySettledError,
  AmqpError,
  AuthenticationError,
  BlockedTimeoutError,
  ChannelClosedError,
  ChannelNumberError,
  CommandInvalidError,
  CommandSyntaxError,
  type ConnectAttempt,
  ConnectError,
  ConnectionClosedError,
  ConnectionForcedError,
  ConnectionLostError,
  ConsumerCancelledError,
  ContentTooLargeError,
  type ErrorDetails,
  FrameError,
  HeartbeatTimeoutError,
  InternalError,
  InterruptedError,
  InvalidPathError,
  MessageTooLargeError,
  NackError,
  NoConsumersError,
  NotAllowedError,
  NotFoundError,
  NotImplementedError,
  type Origin,
  type Outcome,
  PreconditionFailedError,
  ProtocolError,
  ResourceError,
  ResourceLockedError,
  RpcError,
  StaleDeliveryError,
  TimeoutError,
  UnexpectedFrameError,
  UnroutableError,
  WorkerCrashedError,
  WorkerStalledError,
  WrongStateError,
  wasSent,
} from './errors';
/** All of it: `import amqp from 'amqp-sync'`, for `amqp.connect()`. */
export * as default from './index';
export {
  Master,
  type MasterOptions,
  NackMessage,
  RejectMessage,
  type TaskOptions,
  Worker,
  type WorkerOptions,
} from './patterns/master';
export type { MethodProxy } from './patterns/proxy';
export { Rpc, Rpc as JsonRpc, type RpcCallOptions, type RpcOptions } from './patterns/rpc';
export { compressedJsonSerializer, jsonSerializer, type Serializer } from './patterns/serializer';
export { DeliveryMode, ExchangeType } from './protocol/constants';
export {
  type Decimal,
  type Table,
  type TableInput,
  type TableInputValue,
  type TableLetter,
  type TableValue,
  type TypedTable,
  type TypedTableValue,
  TypedValue,
  typed,
} from './protocol/field-table';
export type { Properties, PropertiesInput } from './protocol/properties';
export type { MechanismName } from './protocol/sasl';
