import type { Attributes, Context, Span } from '@opentelemetry/api';
import type { BatchOperation, ConfirmedEvent, PublishOperation } from '../api/diagnostics';
import type { PublishResult } from '../client/options/publish-options';
import { clock } from '../clock';
import { api } from './api';
import {
  type Destination,
  destinationAttributes,
  destinationOf,
  errorType,
  messageAttributes,
  operationAttributes,
  spanName,
} from './attributes';
import { guarded } from './guarded';
import { serverOf } from './servers';
import { failureOf, type Subscriptions } from './subscriptions';
import { failSpan, type Telemetry } from './telemetry';

/** A publish, until its span ends: with the publish, or with the confirm that nobody waits for. */
interface Send {
  readonly destination: Destination;
  readonly server: Attributes;
  readonly began: number;
  /** Undefined in a batch without spans for its messages. */
  readonly span: Span | undefined;
  readonly batch: Batch | undefined;
  /** The number of the last publish of which the broker has said something. */
  told: number | undefined;
}

/** A batch under way. */
interface Batch {
  readonly span: Span;
  readonly context: Context;
  readonly began: number;
  readonly server: Attributes;
  /** Those of its messages that are not confirmed, as far as is known. */
  readonly unconfirmed: Set<PublishOperation>;
  count: number;
  /** That of the first message; null once there is another one. */
  destination: Destination | undefined | null;
}

/** Spans for what is sent. */
export class Producing {
  readonly #sends = new WeakMap<object, Send>();
  readonly #batches = new WeakMap<object, Batch>();
  /** Publishes whose confirm nobody waits for. */
  readonly #pending = new Set<Send>();

  constructor(
    readonly telemetry: Telemetry,
    readonly createSpans: boolean,
  ) {}

  listen(subscriptions: Subscriptions): void {
    subscriptions.operation('publish', {
      start: (operation) => this.#publishes(operation),
      end: (operation) => this.#published(operation),
    });
    subscriptions.operation('batch', {
      start: (operation) => this.#batchBegins(operation),
      end: (operation) => this.#batchEnds(operation),
    });
    subscriptions.happening('confirm', (event) => this.#confirmed(event));
  }

  #publishes(operation: PublishOperation): void {
    const { telemetry } = this;
    telemetry.connections.add(operation.connection);
    const batch = operation.batch && this.#batches.get(operation.batch);
    const destination = destinationOf(operation.exchange, operation.routingKey);
    const server = serverOf(operation.connection);
    const hasSpan = batch === undefined || this.createSpans;
    const span = hasSpan ? this.#spanOf(operation, destination, server) : undefined;
    const context = span === undefined ? batch!.context : api.trace.setSpan(telemetry.context, span);
    this.#sends.set(operation, {
      destination,
      server,
      began: clock.now(),
      span,
      batch,
      told: undefined,
    });
    if (batch !== undefined) addTo(batch, destination, operation, span);
    telemetry.headers.inject(context, operation.headers);
    if (span !== undefined) telemetry.enter(span);
  }

  /** A message that is sent on belongs to another trace, perhaps: a link leads there. */
  #spanOf(operation: PublishOperation, destination: Destination, server: Attributes): Span {
    const { headers } = this.telemetry;
    const type = operation.batch === undefined ? 'send' : 'create';
    const span = this.telemetry.startSpan(spanName(type, destination), {
      kind: api.SpanKind.PRODUCER,
      attributes: {
        ...operationAttributes(type, type),
        ...destinationAttributes(destination),
        ...messageAttributes(operation.properties),
        ...server,
      },
    });
    const creator = headers.creatorOf(operation.headers);
    if (creator !== undefined && creator.traceId !== span.spanContext().traceId)
      span.addLink({ context: creator });
    return span;
  }

  #published(operation: PublishOperation): void {
    const send = this.#sends.get(operation);
    if (send === undefined) return;
    const { telemetry } = this;
    if (send.span !== undefined) telemetry.leave(send.span);
    const failure = failureOf(operation);
    const { seqNo } = operation;
    const isKnown = failure !== undefined || seqNo === undefined || seqNo === send.told;
    if (failure !== undefined) send.batch?.unconfirmed.delete(operation);
    // of the request of a remote call the reply tells
    if (isKnown || send.batch !== undefined || telemetry.isWithin) this.#over(send, failure);
    else this.#pending.add(send);
  }

  /** A message of a batch is counted once it is known what became of it. */
  #over(send: Send, failure: { readonly error: unknown } | undefined): void {
    const { span, batch, destination, server, began } = send;
    const { metrics } = this.telemetry;
    const measured = { name: 'send', type: 'send', destination, server, failure } as const;
    if (batch === undefined || failure !== undefined) metrics.sent(measured);
    if (batch === undefined) metrics.took(began, measured);
    if (span !== undefined) this.telemetry.endSpan(span, failure);
  }

  #counted({ destination, server }: Send, failure?: { readonly error: unknown }): void {
    this.telemetry.metrics.sent({ name: 'send', type: 'send', destination, server, failure });
  }

  /** Of what is repeated after an outage there is another word; a batch tells itself what was not confirmed. */
  #confirmed({ publish, seqNo, status, error, isRepeated }: ConfirmedEvent): void {
    if (publish === undefined || isRepeated) return;
    const send = this.#sends.get(publish);
    if (send === undefined) return;
    send.told = seqNo;
    if (status === 'acked' && send.batch?.unconfirmed.delete(publish)) this.#counted(send);
    if (!this.#pending.delete(send)) return;
    this.#over(send, status === 'acked' ? undefined : { error: error ?? refusal(status) });
  }

  #batchBegins(operation: BatchOperation): void {
    const server = serverOf(operation.connection);
    const span = this.telemetry.startSpan('send', {
      kind: this.createSpans ? api.SpanKind.CLIENT : api.SpanKind.PRODUCER,
      attributes: { ...operationAttributes('send', 'send'), ...server },
    });
    const context = api.trace.setSpan(this.telemetry.context, span);
    this.#batches.set(operation, {
      span,
      context,
      began: clock.now(),
      server,
      unconfirmed: new Set(),
      count: 0,
      destination: undefined,
    });
    this.telemetry.contexts.set(operation, context);
  }

  #batchEnds(operation: BatchOperation): void {
    const batch = this.#batches.get(operation);
    if (batch === undefined) return;
    const { span, began, server } = batch;
    const destination = batch.destination ?? undefined;
    const thrown = failureOf(operation);
    const failure = thrown ?? operation.failures[0];
    const bySeqNo = new Map(operation.failures.map((result) => [result.seqNo, result]));
    for (const publish of batch.unconfirmed) {
      const send = this.#sends.get(publish);
      if (send !== undefined) this.#counted(send, bySeqNo.get(publish.seqNo));
    }
    this.telemetry.metrics.took(began, { name: 'send', type: 'send', destination, server, failure });
    guarded('a batch', () => describeBatch(batch, operation.failures));
    this.telemetry.endSpan(span, thrown);
  }
}

function describeBatch(
  { span, count, destination, unconfirmed }: Batch,
  failures: readonly PublishResult[],
): void {
  const bySeqNo = new Map([...unconfirmed].map((publish) => [publish.seqNo, publish]));
  for (const { seqNo, error } of failures) {
    const publish = seqNo === undefined ? undefined : bySeqNo.get(seqNo);
    const name =
      publish === undefined ? destination?.name : destinationOf(publish.exchange, publish.routingKey).name;
    const attributes = {
      'error.type': errorType(error),
      ...(name && { 'messaging.destination.name': name }),
    };
    span.addEvent('message not confirmed', attributes);
  }
  const [first] = failures;
  if (first !== undefined) failSpan(span, errorType(first.error), 'not all messages were confirmed');
  span.setAttribute('messaging.batch.message_count', count);
  if (!destination) return;
  span.updateName(spanName('send', destination));
  span.setAttributes(destinationAttributes(destination));
}

function addTo(
  batch: Batch,
  destination: Destination,
  operation: PublishOperation,
  span: Span | undefined,
): void {
  batch.count++;
  batch.unconfirmed.add(operation);
  if (batch.count === 1) batch.destination = destination;
  else if (batch.destination?.name !== destination.name) batch.destination = null;
  if (span === undefined) return;
  const { name } = destination;
  const attributes = { 'messaging.destination.name': name, ...messageAttributes(operation.properties) };
  batch.span.addLink({ context: span.spanContext(), attributes });
}

/** What `basicPublish` would have thrown, as far as figures go. */
function refusal(status: string): { code: string; message: string } {
  const code = status === 'returned' ? 'NO_ROUTE' : status === 'nacked' ? 'NACK' : status.toUpperCase();
  return { code, message: `the publish was not confirmed: ${status}` };
}
