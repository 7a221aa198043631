import type { Input, MethodName } from '../../protocol/method-types';
import type { CallOptions } from './checks';

/** The options of a verb: the method's fields in the one table, less what is positional. */
export type OptionsOf<M extends MethodName, Positional extends string = never> = Omit<Input<M>, Positional> &
  CallOptions;

/** Options of `channel.exchangeDeclare`. */
export interface ExchangeDeclareOptions extends OptionsOf<'exchange.declare', 'exchange' | 'type'> {}
/** Options of `channel.exchangeDelete`. */
export interface ExchangeDeleteOptions extends OptionsOf<'exchange.delete', 'exchange'> {}
/** Options of `channel.exchangeBind` and `exchangeUnbind`. */
export interface ExchangeBindOptions extends OptionsOf<'exchange.bind', 'destination' | 'source'> {}
/** Options of `channel.queueDeclare`. */
export interface QueueDeclareOptions extends OptionsOf<'queue.declare', 'queue'> {}
/** Options of `channel.queueBind`. */
export interface QueueBindOptions extends OptionsOf<'queue.bind', 'queue' | 'exchange'> {}
/** Options of `channel.queueUnbind`. */
export interface QueueUnbindOptions extends OptionsOf<'queue.unbind', 'queue' | 'exchange'> {}
/** Options of `channel.queuePurge`. */
export interface QueuePurgeOptions extends OptionsOf<'queue.purge', 'queue'> {}
/** Options of `channel.queueDelete`. */
export interface QueueDeleteOptions extends OptionsOf<'queue.delete', 'queue'> {}

/** Options of `channel.basicCancel`. */
export interface BasicCancelOptions extends OptionsOf<'basic.cancel', 'consumerTag'> {}
/** Options of `channel.basicRecover`. */
export interface BasicRecoverOptions extends OptionsOf<'basic.recover'> {}
/** Options of `channel.confirmSelect`. */
export interface ConfirmSelectOptions extends OptionsOf<'confirm.select'> {}

/** Options of `ack`. */
export interface AckOptions {
  /** Also all unsettled messages that came before it on its channel; default false. */
  multiple?: boolean | undefined;
}

/** Options of `reject`. */
export interface RejectOptions {
  /** Back to the queue (true), or away: to the dead letters, if there are any. Default false. */
  requeue?: boolean | undefined;
}

/** Options of `nack`. */
export interface NackOptions extends AckOptions {
  /** Back to the queue, or away (false): to the dead letters, if there are any. Default true. */
  requeue?: boolean | undefined;
}

/** What a queue.declare says of the queue. */
export interface DeclaredQueue {
  /** Its name: the one that was asked for, or that the broker has made. */
  queue: string;
  /** Messages that are ready; those that somebody holds unsettled do not count. */
  messageCount: number;
  /** Its consumers. */
  consumerCount: number;
}
