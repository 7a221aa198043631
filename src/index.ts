export type {
  BindingInfo,
  ConnectionInfo,
  ConsumerInfo,
  ExchangeInfo,
  QueueInfo,
} from './broker/control';
export type { RabbitmqVersion } from './broker/rules';
export type { BatchOptions, Publishing, PublishResult } from './client/batch';
export type { CloseOptions } from './client/channel';
export type { ChannelMode, PublishOptions } from './client/channel-publishing';
export type {
  DeclaredQueue,
  ExchangeBindOptions,
  ExchangeDeclareOptions,
  ExchangeDeleteOptions,
  QueueBindOptions,
  QueueDeclareOptions,
  QueueDeleteOptions,
  QueuePurgeOptions,
  QueueUnbindOptions,
} from './client/channel-topology';
export type { CallOptions } from './client/checks';
export type { ConnectionStats } from './client/connection';
export type {
  BasicConsumeOptions,
  BasicGetOptions,
  ConsumeOptions,
  QosOptions,
} from './client/consume-options';
export type { CancelCallback, MessageCallback, MessageIterator } from './client/consumer';
export type { Duration, DurationParts, MessageProperties } from './client/conversions';
export {
  type BodyInput,
  IncomingMessage,
  Message,
  type ProcessOptions,
  ReturnedMessage,
} from './client/message';
export type { AuthMechanism, ConnectOptions, CustomMechanism, HostOptions } from './client/options';
export type { RecoveryFailure, RecoveryInfo } from './client/recovery-info';
export type { RecoveryOptions } from './client/recovery-options';
export { Remote, type RemoteHandle } from './client/remote';
export type { TlsOptions } from './client/tls-options';
export { waitAny } from './client/wait-any';
export type { BrokerOptions } from './embedded/options';
export {
  type ConnectionChoice,
  type EmbeddedBroker,
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
export type { ConsumerArguments, QueueArguments, QueueType } from './objects/arguments';
export { Channel, type GetOptions } from './objects/channel';
export { Connection, connect, connectRobust } from './objects/connection';
export { type Death, deaths } from './objects/deaths';
export {
  type BindOptions,
  Exchange,
  type ExchangeOptions,
  type ExchangePublishOptions,
  type ExchangeTraits,
} from './objects/exchange';
export type { ExchangeName, QueueName } from './objects/names';
export { Procedure, type ProcedureOptions } from './objects/procedure';
export {
  Queue,
  type QueueConsumeOptions,
  type QueueIteratorOptions,
  type QueueOptions,
  type QueueTraits,
} from './objects/queue';
export { type RetryOptions, retries, retry } from './objects/retry';
export { type ServeOptions, Service, type WorkOptions } from './objects/rpc-server';
export { type FailureHandler, type SubscribeOptions, Subscription } from './objects/subscription';
export { Transaction } from './objects/transaction';
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
  type Table,
  type TableInput,
  type TableInputValue,
  type TableValue,
  type TypedTable,
  type TypedTableValue,
  TypedValue,
  typed,
} from './protocol/field-table';
export type { Properties, PropertiesInput } from './protocol/properties';
