import type { Publish } from '../client/channel/confirms';
import type { Consumer } from '../client/channel/delivery';
import { learn, OPERATION } from '../client/diagnostics';
import { inOutage } from '../client/loss';
import type { CallOptions } from '../client/options/checks';
import { LONGEST_TTL, wireProperties } from '../client/options/conversions';
import type { Waitable } from '../client/pump';
import { clock } from '../clock';
import { type AmqpError, TimeoutError } from '../errors';
import type { Channel } from './channel';
import { PARTS, SESSION } from './internals';
import type { IncomingMessage, Message } from './message';
import { MESSAGE_TYPE } from './rpc-wire';

/** Where a call goes, and how long it may take. */
export interface Destination {
  /** For error messages. */
  procedure: string;
  exchange: string;
  routingKey: string;
  /** When the call began (clock.now). */
  began: number;
  timeout: number | undefined;
  /** What the server threw, if the reply says so. */
  errorIn(reply: IncomingMessage): Error | undefined;
}

/** A call that is under way: settled by its reply, or by what makes a reply impossible. */
class Call implements Waitable {
  reply: IncomingMessage | undefined;
  publish: Publish | undefined;
  /** The connection was lost, and the reply with it. */
  loss: AmqpError | undefined;

  constructor(readonly replies: RpcReplies) {}

  readonly awaited = 'the answer to a remote call';

  get isDone(): boolean {
    return (
      this.reply !== undefined || this.refused || this.loss !== undefined || this.replies.end !== undefined
    );
  }

  /** The broker has not taken the request, or nobody will ever know. */
  get refused(): boolean {
    const { returned, nacked, error } = this.publish ?? {};
    return returned !== undefined || nacked === true || error !== undefined;
  }
}

/**
 * Where the replies to a channel's calls come in. They do not wait for the pump as other messages do: each goes
 * to its call as it comes off the wire, by its correlation id, and no callback of anybody runs meanwhile. A reply
 * that nobody waits for (any more) is dropped.
 *
 * The requests are mandatory and confirmed, for the sake of those that the broker does not take: a missing queue,
 * or a full one. The confirm itself is not waited for.
 */
export class RpcReplies implements Consumer {
  tag = '';
  readonly noAck = true;
  isStream = false;
  queue = '';
  readonly #calls = new Map<string, Call>();
  /** Why no reply will come any more. */
  end: AmqpError | undefined;

  /** Start it. `address` is the queue of the replies. Blocks for two round trips. */
  constructor(
    readonly channel: Channel,
    readonly address: string,
    options: CallOptions & { exclusive?: boolean } = {},
  ) {
    channel.confirmSelect({ timeout: options.timeout });
    channel[PARTS].consumers.start(address, this, { ...options, noAck: true });
  }

  get isOpen(): boolean {
    return this.end === undefined && this.channel.isOpen;
  }

  /**
   * Send a request and wait for its reply.
   * @throws {UnroutableError | NackError} at once, when no queue takes the request
   * @throws {RpcError} the server threw
   * @throws {TimeoutError}
   */
  call(request: Message, to: Destination): IncomingMessage {
    const correlationId = crypto.randomUUID();
    if (!OPERATION.rpc.isTraced) return result(this.#call(request, to, correlationId), to);
    const { connection } = this.channel;
    const facts = {
      connection,
      procedure: to.procedure,
      correlationId,
      reply: undefined as object | undefined,
    };
    return OPERATION.rpc.trace(facts, () => {
      const reply = this.#call(request, to, correlationId);
      learn(facts, 'reply', reply);
      return result(reply, to);
    });
  }

  #call(request: Message, to: Destination, correlationId: string): IncomingMessage {
    const { channel } = this;
    const { publisher, session } = channel[PARTS];
    const { events } = channel.connection[SESSION];
    const deadline = events.deadline(to.timeout, to.began);
    const properties = wireProperties(request.properties);
    const call = new Call(this);
    const options = {
      ...properties,
      // a request that nobody waits for any more is not to be worked on
      expiration: properties.expiration ?? lifetime(deadline),
      type: MESSAGE_TYPE.CALL,
      correlationId,
      replyTo: this.address,
      exchange: to.exchange,
      routingKey: to.routingKey,
      mandatory: true,
    };
    this.#calls.set(correlationId, call);
    try {
      call.publish = publisher.send(request.body, options, deadline, true) as Publish;
      call.publish.isAwaited = true; // for good: if it comes back late, nobody else wants to hear of it
      events.until(call, deadline);
    } finally {
      this.#calls.delete(correlationId);
    }
    if (call.reply !== undefined) return answered(call.reply, to);
    if (call.loss !== undefined) throw unanswered(to, call.loss);
    if (call.refused) throw publisher.error(call.publish, requestOf(call.publish, to));
    throw this.end === undefined ? late(to) : session.report(this.end);
  }

  // ── what the channel says ───────────────────────────────────────────────────────────────────────────

  deliver(message: IncomingMessage): void {
    const call = this.#calls.get(message.properties.correlationId ?? '');
    if (call !== undefined) call.reply = message;
  }

  handle(message: IncomingMessage): void {
    this.deliver(message);
  }

  forget(): void {}

  /** The replies to come were for the connection that is lost. */
  interrupted(error: AmqpError): void {
    for (const call of this.#calls.values()) if (call.reply === undefined) call.loss = error;
  }

  ended(error: AmqpError): void {
    this.end = error;
  }
}

/** The milliseconds that are left, as the broker takes them. */
function lifetime(deadline: number): string | undefined {
  const left = Math.max(0, Math.ceil(deadline - clock.now()));
  return left > LONGEST_TTL ? undefined : String(left);
}

/** What the caller gets of a reply. @throws {RpcError} */
function result(reply: IncomingMessage, to: Destination): IncomingMessage {
  const error = to.errorIn(reply);
  if (error !== undefined) throw error;
  return reply;
}

/** A request that expired in the queue of aio-pika's RPC comes back by way of an exchange for dead letters. */
function answered(reply: IncomingMessage, { procedure }: Destination): IncomingMessage {
  if (reply.properties.type !== MESSAGE_TYPE.CALL) return reply;
  throw new TimeoutError(`the call of "${procedure}" expired before a server took it`, {
    code: 'EXPIRED',
    origin: 'remote',
    outcome: 'rejected',
    recoverable: true,
  });
}

/** The request, for the error that says why the broker did not take it. */
function requestOf({ returned }: Publish, { procedure }: Destination): string {
  return returned === undefined ? `the call of "${procedure}"` : `nobody serves "${procedure}": the request`;
}

function unanswered({ procedure }: Destination, loss: AmqpError): AmqpError {
  return inOutage(`the call of "${procedure}" got no reply, and may or may not have been carried out`, loss);
}

function late({ procedure, timeout }: Destination): TimeoutError {
  const when = timeout === undefined ? 'in time' : `within ${timeout} ms`;
  return new TimeoutError(
    `the call of "${procedure}" got no reply ${when}; it may still be carried out, and its reply will be ignored`,
    { method: 'basic.publish', outcome: 'unknown', recoverable: true },
  );
}
