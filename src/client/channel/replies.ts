import type { AmqpError } from '../../errors';
import type { MethodPlan } from '../../protocol/codec';
import type { Content } from '../../protocol/content';
import { requestOf, type Said } from '../../protocol/reply-match';
import { ProtocolViolation } from '../../protocol/violation';

/** What came for a request: a method, with content for basic.get-ok. */
export interface Answer {
  plan: MethodPlan;
  args: Record<string, unknown>;
  content: Content | undefined;
}

/** The content of a method that has one. */
export function contentOf({ content }: Answer): Content {
  return content as Content;
}

/** What happens the moment a reply comes off the wire, before any frame behind it is looked at. */
export interface AnswerHandlers {
  accept?(answer: Answer): void;
  /** The reply came after its caller had gone: undo what it did. */
  late?(answer: Answer): void;
}

/** A request whose reply is owed. */
export class Pending {
  isDone = false;
  answer: Answer | undefined;
  error: AmqpError | undefined;
  /** The connection was lost, and is being recovered. */
  interrupted = false;

  constructor(
    readonly plan: MethodPlan,
    readonly handlers: AnswerHandlers,
    readonly args: object,
  ) {}

  /**
   * May it be said again when the connection was lost before its reply came? All but a commit may: nobody knows
   * whether that was carried out. What nobody waits for any more is not worth it, but a consumer has to end.
   */
  get isRepeatable(): boolean {
    const { name } = this.plan;
    return name !== 'tx.commit' && (!this.abandoned || name === 'basic.cancel');
  }

  get awaited(): string {
    const { queue, exchange } = this.args as { queue?: string; exchange?: string };
    const [kind, name] = queue === undefined ? ['exchange', exchange] : ['queue', queue];
    return `the answer to ${this.plan.name}${name ? ` of ${kind} "${name}"` : ''}`;
  }

  /** The caller has gone; the reply is still owed and must never reach the next caller. */
  abandoned = false;
}

/**
 * The requests whose replies are owed. A request that timed out keeps its place until its late reply has come and
 * been swallowed.
 */
export class Replies {
  readonly #owed: Pending[] = [];

  expect(plan: MethodPlan, args: object, handlers: AnswerHandlers = {}): Pending {
    const pending = new Pending(plan, handlers, args);
    this.#owed.push(pending);
    return pending;
  }

  /** The request that has waited longest. */
  get current(): Pending | undefined {
    return this.#owed[0];
  }

  /** @throws {ProtocolViolation} 503 for a reply that nobody asked for */
  settle(answer: Answer): void {
    const { name } = answer.plan;
    const index = requestOf(this.#owed, { name, args: answer.args }, said);
    const pending = this.#owed[index];
    if (pending === undefined) throw this.#unasked(answer);
    this.#owed.splice(index, 1);
    // first what the reply brings about: if that is refused, the request has not been answered
    if (pending.abandoned) pending.handlers.late?.(answer);
    else pending.handlers.accept?.(answer);
    pending.answer = answer;
    pending.isDone = true;
  }

  #unasked({ plan: { name: method }, args }: Answer): ProtocolViolation {
    const { plan } = this.current ?? {};
    const name = args.consumerTag === undefined ? method : `${method} of consumer "${args.consumerTag}"`;
    if (plan === undefined) return new ProtocolViolation(503, 'unexpected reply', 'channel', 'none', name);
    return new ProtocolViolation(503, 'wrong reply', plan.name, plan.replies.join(' or '), name);
  }

  /** Requests whose replies have not come. */
  get owed(): readonly Pending[] {
    return this.#owed;
  }

  /** The connection is lost, and will be recovered. What is left are requests to be repeated. */
  interrupt(error: AmqpError): void {
    const [repeated, lost] = [true, false].map((is) => this.#owed.filter((each) => each.isRepeatable === is));
    this.#owed.splice(0, this.#owed.length, ...(lost as Pending[]));
    for (const pending of this.#owed) pending.interrupted = true;
    this.fail(error);
    this.#owed.push(...(repeated as Pending[]));
  }

  /** The channel or connection has ended: no reply will come any more. */
  fail(error: AmqpError): void {
    for (const pending of this.#owed.splice(0)) {
      pending.error = error;
      pending.isDone = true;
    }
  }
}

function said({ plan, args }: Pending): Said {
  return { name: plan.name, args };
}
