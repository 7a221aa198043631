import type { ConsumerCancelledError } from '../../errors';
import type { TableInput } from '../../protocol/field-table';
import { optionNames } from '../options/checks';
import type { OptionsOf } from '../options/verb-options';

/** Called with the tag of a consumer that the broker has ended; the error says what the reason may be. */
export type CancelCallback = (consumerTag: string, error: ConsumerCancelledError) => unknown;

/** Options of `channel.basicQos` and `setQos`. */
export interface QosOptions extends OptionsOf<'basic.qos'> {}
/** Options of `channel.basicGet`. */
export interface BasicGetOptions extends OptionsOf<'basic.get', 'queue'> {}
/** What a consumer is started with. */
export interface ConsumerStart extends OptionsOf<'basic.consume', 'queue'> {
  /**
   * Unsettled messages of this consumer at most; default what `basicQos` set, else 100. What is given back when it is
   * cancelled may count against the delivery limit of a quorum queue.
   */
  prefetch?: number | undefined;
}
/** Options of `channel.basicConsume`. */
export interface BasicConsumeOptions extends ConsumerStart {
  /** The broker cancelled the consumer; without it, `drainEvents` throws ConsumerCancelledError. */
  onCancel?: CancelCallback | undefined;
}
/** Options of `channel.consume`, the `for` loop over a queue. */
export interface ConsumeOptions {
  /** Acknowledgements are not wanted, and there is no prefetch: see `maxBufferedBytes` of the connection. */
  noAck?: boolean | undefined;
  /**
   * Unsettled messages at most; default `limit`, else 100, or what `basicQos` set. What was sent ahead goes back when
   * the loop is left, and a quorum queue may count that as a delivery: over its delivery limit (RabbitMQ 4: 20 by
   * default) it drops messages that nobody has seen.
   */
  prefetch?: number | undefined;
  /** The only consumer of the queue; 403 if it has another. Default false. */
  exclusive?: boolean | undefined;
  /** The broker's `x-arguments` of the consumer, such as `x-priority`. */
  arguments?: TableInput | undefined;
  /** Its name on the channel; default: the broker makes one. */
  consumerTag?: string | undefined;
  /** Milliseconds without a message after which the iteration ends; default: never. */
  timeout?: number | undefined;
  /** Messages after which the iteration ends; default: none. */
  limit?: number | undefined;
}

/** Safe for a broker's and a program's memory, and enough to keep both busy. */
export const DEFAULT_PREFETCH = 100;
/** The option names of each verb. */
export const CONSUMING_OPTIONS = {
  basicQos: optionNames('basic.qos', []),
  basicGet: optionNames('basic.get', ['queue']),
  basicConsume: optionNames('basic.consume', ['queue'], ['onCancel', 'prefetch']),
  basicCancel: optionNames('basic.cancel', ['consumerTag']),
  basicRecoverAsync: new Set(['requeue']),
  basicRecover: optionNames('basic.recover', []),
  consume: new Set(['noAck', 'prefetch', 'exclusive', 'arguments', 'consumerTag', 'timeout', 'limit']),
};
