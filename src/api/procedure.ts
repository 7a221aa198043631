import { wrongType } from '../caller';
import { type CallOptions, checkOptions, checkShortstr, checkTimeout } from '../client/options/checks';
import { type MessageProperties, wireProperties } from '../client/options/conversions';
import { clock } from '../clock';
import { DeliveryMode } from '../protocol/constants';
import { PROPERTY_NAMES } from '../protocol/properties';
import { showAs } from '../shown';
import type { Channel } from './channel';
import type { Connection } from './connection';
import { REPLIES } from './internals';
import { type IncomingMessage, Message } from './message';
import { answering, checkServing, parted, type ServeOptions, Service } from './rpc-server';
import { errorIn, messageOf } from './rpc-wire';

/** What the call itself sets. */
const OWN = ['correlationId', 'replyTo', 'type'] as const;
const NAMES = new Set<string>(['timeout', ...PROPERTY_NAMES]);
for (const name of OWN) NAMES.delete(name);

/** How to call: a limit, and properties of the request. */
export interface ProcedureOptions extends CallOptions, Omit<MessageProperties, (typeof OWN)[number]> {}

/**
 * A procedure that one program serves and others call, by the name of its queue. From `connection.rpc(name)`.
 *
 * On the wire it is what aio-pika's JsonRPC and RabbitMQ's tutorial make of it: a request in the queue, with
 * `replyTo` and `correlationId`, and a reply whose `type` is `result` or `error`.
 */
export class Procedure {
  /** Use `connection.rpc(name)`. */
  constructor(
    /** The connection it is called and served on. */
    readonly connection: Connection,
    /** The name of the procedure, and of its queue. */
    readonly name: string,
  ) {
    if (checkShortstr(name, 'name') === '') throw wrongType('rpc: name must not be empty');
  }

  /**
   * Call it: text and bytes are sent as they are, anything else as JSON. Blocks until the reply has come, at
   * most `timeout` ms (default: the connection's `callTimeout`, 45 s), with no callback run meanwhile. The
   * request expires with the call, if no server has taken it, and a reply that comes later is dropped.
   *
   * Replies come by direct reply-to; the first call of a connection opens a channel for them. A program cannot
   * call what only it serves: the call blocks the thread that would have to answer.
   * @returns the reply
   * @throws {UnroutableError} at once: nobody serves it
   * @throws {NackError} at once: its queue is full (`overflow: 'reject-publish'`)
   * @throws {RpcError} the server threw; the text is in it
   * @throws {TimeoutError} no reply came; it may have been carried out
   * @see https://www.rabbitmq.com/docs/direct-reply-to
   * @example
   * const sum = connection.rpc('sum').call({ a: 1, b: 2 }, { timeout: 2000 }).json;
   * connection.rpc('fibonacci').call('30').text;
   */
  call(body: unknown = '', options: ProcedureOptions = {}): IncomingMessage {
    checkOptions('call', options, NAMES);
    const { timeout, ...given } = options;
    if (timeout !== undefined) checkTimeout(timeout);
    const { body: bytes, properties: own } = messageOf(body);
    const request = new Message(bytes, { deliveryMode: DeliveryMode.Transient, ...own, ...given });
    wireProperties(request.properties); // before a channel is opened for it
    const began = clock.now();
    const { name: procedure } = this;
    const errorOf = (reply: IncomingMessage) => errorIn(reply, procedure, () => reply.json);
    const to = { procedure, exchange: '', routingKey: procedure, began, timeout, errorIn: errorOf };
    const { connection } = this;
    const ask = () => connection[REPLIES](timeout).call(request, to);
    return timeout === undefined ? ask() : connection.withDeadline(timeout, ask);
  }

  /**
   * Serve it: `fn` gets each request in `connection.drainEvents`, `loop` and `sleep`. What it returns is sent to
   * the caller: text, bytes or a Message as they are, anything else as JSON. What it throws is sent, too, class and
   * text, and not thrown here; `onError` is told, or else a process warning. Blocks for some round trips, to open a channel, declare the
   * queue and start the consumer.
   *
   * The queue has the name of the procedure, is durable, and goes with its last server (`autoDelete`): from then
   * on calls fail at once. A request is acked once its answer is on its way; if this program dies before, another
   * server gets it. A request without `replyTo` is done and acked.
   * @throws {PreconditionFailedError} 406, the queue exists with other arguments
   * @throws {TypeError} from `drainEvents`: `fn` returned a promise; the caller gets the same error
   * @example
   * connection.rpc('sum').serve((request) => { const { a, b } = request.json; return a + b; });
   * connection.loop();
   */
  serve(fn: (request: IncomingMessage) => unknown, options: ServeOptions = {}): Service {
    checkServing('serve', fn, options);
    const { rejectOnRedelivered, onError, ...work } = options;
    const { forQueue, forConsumer } = parted(work);
    const answer = answering('serve', fn, messageOf, { rejectOnRedelivered, onError });
    return withNewChannel(this.connection, (channel) => {
      const queue = channel.declareQueue(this.name, { autoDelete: true, ...forQueue });
      return new Service(queue, answer, forConsumer);
    });
  }
}

showAs(Procedure, ({ name }) => ({ procedure: name }));

/** Open a channel for something that needs one of its own; if that fails, the channel goes, too. */
export function withNewChannel<T>(connection: Connection, start: (channel: Channel) => T): T {
  const channel = connection.channel();
  try {
    return start(channel);
  } catch (error) {
    channel.close({ timeout: 0 });
    throw error;
  }
}
