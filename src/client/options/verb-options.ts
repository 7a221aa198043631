import type { Input, MethodName } from '../../protocol/method-types';
import type { CallOptions } from './checks';

/** The options of a verb: the method's fields in the one table, less what is positional. */
export type OptionsOf<M extends MethodName, Positional extends string = never> = Omit<Input<M>, Positional> &
  CallOptions;

export type ExchangeDeclareOptions = OptionsOf<'exchange.declare', 'exchange' | 'type'>;
export type ExchangeDeleteOptions = OptionsOf<'exchange.delete', 'exchange'>;
export type ExchangeBindOptions = OptionsOf<'exchange.bind', 'destination' | 'source'>;
export type QueueDeclareOptions = OptionsOf<'queue.declare', 'queue'>;
export type QueueBindOptions = OptionsOf<'queue.bind', 'queue' | 'exchange'>;
export type QueueUnbindOptions = OptionsOf<'queue.unbind', 'queue' | 'exchange'>;
export type QueuePurgeOptions = OptionsOf<'queue.purge', 'queue'>;
export type QueueDeleteOptions = OptionsOf<'queue.delete', 'queue'>;

/** What a queue.declare says of the queue. */
export interface DeclaredQueue {
  queue: string;
  messageCount: number;
  consumerCount: number;
}
