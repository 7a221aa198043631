import type { AmqpError } from '../errors';
import type { MethodPlan } from '../protocol/codec';
import type { Content } from '../protocol/content';
import { ProtocolViolation } from '../protocol/violation';
import { Fifo } from './fifo';

/** What came for a request: a method, with content for basic.get-ok. */
export interface Answer {
  plan: MethodPlan;
  args: Record<string, unknown>;
  content: Content | undefined;
}

/** What happens the moment a reply comes off the wire, before any frame behind it is looked at. */
export interface AnswerHandlers {
  accept?(answer: Answer): void;
  /** The reply came after its caller had gone: undo what it did. */
  late?(answer: Answer): void;
}

/** A request whose reply is owed. */
export class Pending {
  settled = false;
  answer: Answer | undefined;
  error: AmqpError | undefined;

  constructor(
    readonly plan: MethodPlan,
    readonly handlers: AnswerHandlers,
  ) {}

  /** The caller has gone; the reply is still owed and must never reach the next caller. */
  abandoned = false;
}

/**
 * Replies have no number: they come in the order of the requests, channel by channel. A request that
 * timed out keeps its place until its late reply has come and been swallowed.
 */
export class Replies {
  readonly #owed = new Fifo<Pending>();

  expect(plan: MethodPlan, handlers: AnswerHandlers = {}): Pending {
    const pending = new Pending(plan, handlers);
    this.#owed.push(pending);
    return pending;
  }

  /** The request that the next reply belongs to. */
  get current(): Pending | undefined {
    return this.#owed.peek();
  }

  /** @throws {ProtocolViolation} 503 for a reply that nobody asked for */
  settle(answer: Answer): void {
    const pending = this.#owed.peek();
    const { name } = answer.plan;
    if (pending === undefined) throw new ProtocolViolation(503, 'unexpected reply', 'channel', 'none', name);
    if (!pending.plan.replies.includes(name)) {
      const expected = pending.plan.replies.join(' or ');
      throw new ProtocolViolation(503, 'wrong reply', pending.plan.name, expected, name);
    }
    this.#owed.shift();
    pending.answer = answer;
    pending.settled = true;
    if (pending.abandoned) pending.handlers.late?.(answer);
    else pending.handlers.accept?.(answer);
  }

  /** No reply will come any more. */
  fail(error: AmqpError): void {
    for (const pending of this.#owed.clear()) {
      pending.error = error;
      pending.settled = true;
    }
  }
}
