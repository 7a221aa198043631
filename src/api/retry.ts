import { wrongType } from '../caller';
import { refusePromise } from '../client/callbacks';
import { PropertiesTooLarge } from '../client/channel/publish-writer';
import { checkFunction, checkInteger, checkOptions } from '../client/options/checks';
import { type Duration, ttlMs } from '../client/options/conversions';
import { PreconditionFailedError, WrongStateError } from '../errors';
import { encodeTable, type TableInputValue } from '../protocol/field-table';
import { isRabbitmqSince } from '../protocol/server-version';
import { encoded } from '../protocol/wire';
import type { Channel } from './channel';
import type { Connection } from './connection';
import { SESSION } from './internals';
import { giveUp, type IncomingMessage, isOfStream, type Message } from './message';
import { nameOf, type QueueName } from './names';
import type { Queue } from './queue';
import type { FailureHandler } from './subscription';

/** Options of `retry`. */
export interface RetryOptions {
  /** How often a message is tried again; after that it is parked. */
  max: number;
  /** How long it waits before that: milliseconds or a duration, or a list (the last counts on). Default 0. */
  delay?: Duration | readonly Duration[] | undefined;
  /** Where it waits: `dlx`, in a queue whose messages expire back; `delayed`, in an exchange of RabbitMQ's plugin. */
  via?: 'dlx' | 'delayed' | undefined;
  /**
   * Where it ends; default a queue `<name>.parked`, which is declared: of the queue's type, and without a delivery limit.
   * False rejects it (dead letters).
   */
  park?: QueueName | false | undefined;
  /**
   * Told of what the subscriber threw, each time, once the message is dealt with: for a log. Default: a process warning
   * with the stack. What it throws is thrown by `drainEvents`.
   */
  onError?: ((error: unknown, message: IncomingMessage) => unknown) | undefined;
}

const NAMES = new Set(['max', 'delay', 'via', 'park', 'onError']);
/** Headers of a message that is tried again, or parked. */
const COUNT = 'x-retry-count';
const ERROR = 'x-retry-error';
const EXCHANGE = 'x-retry-exchange';
const ROUTING_KEY = 'x-retry-routing-key';
const LEFT_OUT = 'x-retry-left-out';
const OWN: ReadonlySet<string> = new Set([COUNT, ERROR, EXCHANGE, ROUTING_KEY, LEFT_OUT]);
/** Characters of an error that are kept. */
const LONGEST_ERROR = 500;

/** How often a message has been tried again by `retry`. */
export function retries(message: Message): number {
  const { headers } = message.properties;
  const count = headers instanceof Map ? headers.get(COUNT) : (headers as Record<string, unknown>)?.[COUNT];
  return typeof count === 'number' ? count : 0;
}

/**
 * What a subscriber does with a message that it cannot deal with: try again later, up to `max` times, and then
 * park it. Each time a copy is published, confirmed by the broker, and only then the message is acked: it may
 * come twice, and is never lost. What was settled before is not touched: the error is thrown on. The copy's headers say
 * how often (`x-retry-count`), why (`x-retry-error`), and where it was published first (`x-retry-exchange`,
 * `x-retry-routing-key`). A message whose headers have become too large for a frame cannot be tried again: it is
 * parked at once, without its largest headers (`x-retry-left-out` names them); so is one of a stream that would have to
 * wait in a queue of RabbitMQ 3, whose dead letters do not arrive in streams.
 *
 * With a delay the messages of `orders` wait in queues `orders.retry.<milliseconds>`, or with `via: 'delayed'` in
 * an exchange `orders.retry`. These are declared when they are needed, and stay.
 * @example
 * queue.subscribe(work, { onError: retry({ max: 3, delay: [1000, { minutes: 1 }, { hours: 1 }] }) });
 */
export function retry(options: RetryOptions): FailureHandler {
  checkOptions('retry', options, NAMES);
  const { via = 'dlx', park, onError } = options;
  const max = checkInteger(options.max, 'max', 0, Number.MAX_SAFE_INTEGER);
  const delays = [options.delay ?? 0].flat().map((delay) => ttlMs(delay, 'delay'));
  if (delays.length === 0) throw wrongType('retry: delay must not be an empty list');
  if (via !== 'dlx' && via !== 'delayed') throw wrongType(`retry: via must be dlx or delayed, got ${via}`);
  if (park !== undefined && park !== false) nameOf(park, 'park');
  if (onError !== undefined) checkFunction(onError, 'onError');
  const dealWith: FailureHandler = (error, message, queue) => {
    const count = retries(message);
    if (count >= max) return parked(error, message, queue, park);
    const delay = delays[Math.min(count, delays.length - 1)] as number;
    if (delay > 0 && via === 'dlx' && !comesBack(message, queue))
      return parked(
        `not tried again: RabbitMQ 3 loses what expires for a stream; it had failed: ${error}`,
        message,
        queue,
        park,
      );
    const again = copyOf(message, count + 1, error);
    try {
      if (delay === 0) queue.publish(again);
      else if (via === 'delayed') throughExchange(queue, again, delay);
      else throughQueue(queue, again, delay);
    } catch (failure) {
      if (!(failure instanceof PropertiesTooLarge)) throw failure;
      return parked(`not tried again: ${failure.message}; it had failed: ${error}`, message, queue, park);
    }
    message.ack();
  };
  return (error, message, queue) => {
    if (message.isSettled) throw error; // it was decided already: a copy would be one too many
    dealWith(error, message, queue);
    if (onError !== undefined) return refusePromise(onError(error, message), 'onError');
    const what = retries(message) >= max ? 'was given up' : 'is tried again';
    queue.channel.connection[SESSION].warnOfError(`a message of "${queue.name}" ${what}`, error);
  };
}

/** Dead letters do not arrive in streams before RabbitMQ 4. */
function comesBack(message: IncomingMessage, { channel }: Queue): boolean {
  return !isOfStream(message) || isRabbitmqSince(channel.connection.serverProperties, 4, 0) !== false;
}

/** The waiting queue is as lasting as the queue itself. */
function throughQueue(queue: Queue, message: Message, delay: number): void {
  const waiting = companion(queue, `retry.${delay}`, {
    messageTtl: delay,
    deadLetterExchange: '',
    deadLetterRoutingKey: queue.name,
  });
  waiting.publish(message);
}

function throughExchange(queue: Queue, message: Message, delay: number): void {
  const exchange = queue.channel.declareExchange(nameBeside(queue, 'retry'), 'direct', { delayed: true });
  queue.bind(exchange);
  exchange.publish(message, queue.name, { delay });
}

function parked(error: unknown, message: IncomingMessage, queue: Queue, park: RetryOptions['park']): void {
  if (park === false) return giveUp(message, false);
  const name = park === undefined ? parkingQueue(queue) : nameOf(park, 'park');
  publishWhatFits(queue, copyOf(message, retries(message), error), name);
  message.ack();
}

/** A copy without its largest headers is better than a message that nobody gets rid of; they are named in it. */
function publishWhatFits(queue: Queue, copy: Message, name: string): void {
  const headers = copy.properties.headers as Map<string, TableInputValue>;
  const leftOut: string[] = [];
  for (;;) {
    try {
      return queue.channel.defaultExchange.publish(copy, name);
    } catch (failure) {
      const largest = largestOf(headers);
      if (!(failure instanceof PropertiesTooLarge) || largest === undefined) throw failure;
      headers.delete(largest);
      leftOut.push(largest);
      headers.set(LEFT_OUT, leftOut);
    }
  }
}

/** The largest header that the message came with. */
function largestOf(headers: ReadonlyMap<string, TableInputValue>): string | undefined {
  let [largest, most]: [string | undefined, number] = [undefined, -1];
  for (const [name, value] of headers) {
    const size = OWN.has(name)
      ? -1
      : encoded((writer) => encodeTable(writer, new Map([[name, value]]))).length;
    if (size > most) [largest, most] = [name, size];
  }
  return largest;
}

type Companion = Parameters<Channel['declareQueue']>[1];

function companion(queue: Queue, what: string, options: Companion, channel = queue.channel): Queue {
  const alike = { exclusive: queue.exclusive === true, ...(queue.type === 'quorum' && { type: queue.type }) };
  return channel.declareQueue(nameBeside(queue, what), { ...options, ...alike });
}

/** Without it RabbitMQ 4 drops from a quorum queue what has been looked at, and given back, twenty times. */
const UNLIMITED: Companion = { deliveryLimit: -1 };
/** With what the parking queues of a connection can be declared, by their queues. */
const parkings = new WeakMap<Connection, Map<string, Companion>>();

function parkingQueue(queue: Queue): string {
  const { connection } = queue.channel;
  if (queue.type !== 'quorum' || !isRabbitmqSince(connection.serverProperties, 4, 0))
    return companion(queue, 'parked', {}).name;
  const known = parkings.get(connection) ?? new Map<string, Companion>();
  parkings.set(connection, known);
  const options = known.get(queue.name) ?? parkingOptions(queue);
  known.set(queue.name, options);
  return companion(queue, 'parked', options).name;
}

/** A queue that was declared without a limit of its own is taken as it is. To find out ends a channel, so that has its own. */
function parkingOptions(queue: Queue): Companion {
  let asking: Channel;
  try {
    asking = queue.channel.connection.channel();
  } catch (error) {
    if (error instanceof WrongStateError) return UNLIMITED; // all numbers are in use
    throw error;
  }
  try {
    companion(queue, 'parked', UNLIMITED, asking);
    return UNLIMITED;
  } catch (error) {
    if (error instanceof PreconditionFailedError) return {};
    throw error;
  } finally {
    asking.close();
  }
}

/** `amq.` is the broker's own. */
function nameBeside(queue: Queue, what: string): string {
  return `${queue.name.replace(/^amq\./, '')}.${what}`;
}

/** The message for another round: as it was, but for what would lead it astray. */
function copyOf(message: IncomingMessage, count: number, error: unknown): Message {
  const { headers: plain = {} } = message.properties;
  const headers = new Map<string, TableInputValue>(message.typedHeaders ?? Object.entries(plain));
  if (!headers.has(EXCHANGE)) {
    headers.set(EXCHANGE, message.exchange);
    headers.set(ROUTING_KEY, message.routingKey);
  }
  // CC would send it to others again
  for (const name of ['CC', 'BCC']) headers.delete(name);
  headers.set(COUNT, count);
  headers.set(ERROR, String(error).slice(0, LONGEST_ERROR));
  // an expiration would end the waiting early; userId would have to be this connection's
  return message.copy({ headers, expiration: undefined, userId: undefined });
}
