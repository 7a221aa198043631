import type { Attributes, Context, Span, SpanContext } from '@opentelemetry/api';
import type { CallOperation, DeliveredEvent, ProcessOperation, SettledEvent } from '../api/diagnostics';
import type { IncomingMessage } from '../api/message';
import { clock } from '../clock';
import { api } from './api';
import {
  type Destination,
  destinationAttributes,
  messageAttributes,
  operationAttributes,
  sourceOf,
  spanName,
} from './attributes';
import { Deliveries, type Delivery } from './deliveries';
import { linksTo } from './headers';
import { serverOf } from './servers';
import { failureOf, type Subscriptions } from './subscriptions';
import type { Telemetry } from './telemetry';

/** Work on a message that is under way. */
interface Work {
  readonly span: Span;
  readonly began: number;
  readonly delivery: Delivery;
}

/** Spans for what comes: messages taken, worked on, settled. */
export class Consuming {
  readonly #deliveries = new Deliveries();
  readonly #work = new WeakMap<object, Work>();
  /** When the last `basic.get` was sent. */
  #asked: number | undefined;

  constructor(readonly telemetry: Telemetry) {}

  listen(subscriptions: Subscriptions): void {
    const deliveries = this.#deliveries;
    subscriptions.operation('call', {
      start: (operation) => this.#calls(operation),
      end({ method, channel }) {
        if (method === 'basic.recover' && channel !== undefined) deliveries.forget(channel);
      },
    });
    subscriptions.happening('close', ({ channel }) => channel && deliveries.forget(channel));
    subscriptions.happening('recovery', ({ connection }) => {
      for (const channel of connection.channels.values()) deliveries.forget(channel);
    });
    subscriptions.happening('deliver', (event) => this.#delivered(event));
    subscriptions.operation('process', {
      start: (operation) => this.#processes(operation),
      end: (operation) => this.#processed(operation),
    });
    subscriptions.happening('failure', ({ message, error }) => {
      const delivery = this.#deliveries.of(message);
      if (delivery !== undefined) delivery.failure = { error };
    });
    subscriptions.happening('settle', (event) => this.#settled(event));
  }

  /** The context of a message: of the work on it, else of its way here. */
  contextOf(message: IncomingMessage): Context {
    const delivery = this.#deliveries.of(message);
    return (
      delivery?.context ?? this.telemetry.headers.extract(api.context.active(), message.properties.headers)
    );
  }

  #calls({ method }: CallOperation): void {
    if (method === 'basic.get') this.#asked = clock.now();
  }

  #delivered({ message, queue, by, connection }: DeliveredEvent): void {
    const { metrics, connections } = this.telemetry;
    connections.add(connection);
    const delivery = this.#deliveries.add(message, this.#deliveryOf(message, queue, serverOf(connection)));
    const { destination, server } = delivery;
    const type = by === 'callback' ? 'process' : 'receive';
    metrics.consumed({ name: type, type, destination, server });
    if (type === 'receive') this.#receives(message, delivery, by === 'get' ? this.#asked : undefined);
  }

  #deliveryOf(message: IncomingMessage, queue: string, server: Attributes): Delivery {
    const { headers } = this.telemetry;
    return {
      server,
      destination: sourceOf(message.exchange, message.routingKey, queue),
      creator: headers.creatorOf(message.properties.headers),
      received: undefined,
      context: undefined,
      isInWork: false,
      failure: undefined,
    };
  }

  /** `asked`: when; a loop has not asked for this one: its span is the moment at which it is handed out. */
  #receives(message: IncomingMessage, delivery: Delivery, asked: number | undefined): void {
    const { destination, server } = delivery;
    const now = Date.now();
    const elapsed = asked === undefined ? 0 : clock.now() - asked;
    const span = this.#spanOf('receive', message, delivery, now - elapsed);
    delivery.received = delivery.context;
    this.telemetry.endSpan(span, undefined, now);
    if (asked === undefined) return;
    this.telemetry.metrics.took(asked, { name: 'receive', type: 'receive', destination, server });
  }

  /**
   * A span for a message, in the program's span if it is in one, else in the trace of whoever has sent it; linked to that in
   * either case. Where nobody has traced the sending, work on it belongs to its receipt.
   */
  #spanOf(
    type: 'receive' | 'process',
    message: IncomingMessage,
    delivery: Delivery,
    startTime?: number,
  ): Span {
    const { headers } = this.telemetry;
    const { properties, deliveryTag } = message;
    const { destination, creator, server } = delivery;
    const active = api.context.active();
    const received = creator === undefined ? delivery.received : undefined;
    const own = received ?? headers.extract(active, properties.headers);
    const parent = api.trace.getSpan(active) === undefined ? own : active;
    const span = this.telemetry.startSpan(
      spanName(type, destination),
      {
        kind: type === 'receive' ? api.SpanKind.CLIENT : api.SpanKind.CONSUMER,
        attributes: {
          ...operationAttributes(type, type),
          ...destinationAttributes(destination),
          ...messageAttributes(properties),
          'messaging.rabbitmq.message.delivery_tag': deliveryTag,
          ...server,
        },
        links: linksTo(creator),
        ...(startTime !== undefined && { startTime }),
      },
      parent,
    );
    delivery.context = api.trace.setSpan(parent, span);
    return span;
  }

  /** Work within the work on the same message is part of it. */
  #processes(operation: ProcessOperation): void {
    const { message, connection } = operation;
    const { contexts } = this.telemetry;
    const delivery =
      this.#deliveries.of(message) ??
      this.#deliveries.add(message, this.#deliveryOf(message, '', serverOf(connection)));
    if (delivery.isInWork) return;
    const span = this.#spanOf('process', message, delivery);
    delivery.isInWork = true;
    delivery.failure = undefined;
    this.#work.set(operation, { span, began: clock.now(), delivery });
    contexts.set(operation, delivery.context as Context);
  }

  #processed(operation: ProcessOperation): void {
    const work = this.#work.get(operation);
    if (work === undefined) return;
    const { span, began, delivery } = work;
    const { destination, server } = delivery;
    const failure = failureOf(operation) ?? delivery.failure;
    delivery.isInWork = false;
    this.telemetry.metrics.took(began, { name: 'process', type: 'process', destination, server, failure });
    this.telemetry.endSpan(span, failure);
  }

  /** The frame is written, and nothing answers: the span is a moment. */
  #settled({ connection, channel, method, deliveryTag, multiple, requeue }: SettledEvent): void {
    const settled = channel === undefined ? [] : this.#deliveries.take(channel, deliveryTag, multiple);
    // as a loop is left, the client gives back what the program has not got
    if (settled.length === 0 && requeue) return;
    const name = method.slice('basic.'.length);
    const destination = common(settled.map((delivery) => delivery.destination));
    const active = api.context.active();
    const own = settled.length === 1 ? settled[0]?.context : undefined;
    const span = this.telemetry.startSpan(
      spanName(name, destination),
      {
        kind: api.SpanKind.CLIENT,
        attributes: {
          ...operationAttributes(name, 'settle'),
          ...(destination !== undefined && destinationAttributes(destination)),
          ...(deliveryTag > 0 && { 'messaging.rabbitmq.message.delivery_tag': deliveryTag }),
          ...(multiple && { 'messaging.batch.message_count': settled.length }),
          ...serverOf(connection),
        },
        links: linksTo(...settled.map(({ creator }): SpanContext | undefined => creator)),
      },
      api.trace.getSpan(active) === undefined ? (own ?? active) : active,
    );
    this.telemetry.endSpan(span);
  }
}

/** The place that all of them came from. */
function common([first, ...others]: readonly Destination[]): Destination | undefined {
  return others.every(({ name }) => name === first?.name) ? first : undefined;
}
