import type { Attributes, BatchObservableCallback, Meter } from '@opentelemetry/api';
import { clock } from '../clock';
import { type Destination, errorType, type OperationType, operationAttributes } from './attributes';
import { guarded } from './guarded';
import { forFigures, type OpenConnections } from './servers';

/** Seconds, as the conventions advise. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** What may go wrong with it. */
const A_FIGURE = 'a figure';
const SYSTEM = { 'messaging.system': 'rabbitmq' };

/** An operation that is over, or a message. */
export interface Measured {
  readonly name: string;
  readonly type: OperationType | undefined;
  readonly destination: Destination | undefined;
  readonly server: Attributes;
  readonly failure?: { readonly error: unknown } | undefined;
}

/** The figures of the conventions for messaging, and those of connections. */
export class Metrics {
  readonly #sent;
  readonly #consumed;
  readonly #duration;
  readonly #processing;
  readonly #reconnects;
  readonly #unconfirmed;
  readonly #unsettled;
  readonly #observe: BatchObservableCallback;

  constructor(
    readonly meter: Meter,
    connections: OpenConnections,
  ) {
    const messages = (description: string) => ({ unit: '{message}', description });
    const seconds = (description: string) => ({
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: BUCKETS },
    });
    this.#sent = meter.createCounter(
      'messaging.client.sent.messages',
      messages('Messages sent, also in vain.'),
    );
    this.#consumed = meter.createCounter(
      'messaging.client.consumed.messages',
      messages('Messages that the program got.'),
    );
    this.#duration = meter.createHistogram(
      'messaging.client.operation.duration',
      seconds('How long it took to send a message or a batch, to get one, to have an answer.'),
    );
    this.#processing = meter.createHistogram(
      'messaging.process.duration',
      seconds('How long the program worked on a message.'),
    );
    this.#reconnects = meter.createCounter('amqp_sync.client.reconnects', {
      unit: '{reconnect}',
      description: 'Recoveries of connections.',
    });
    this.#unconfirmed = meter.createObservableUpDownCounter(
      'amqp_sync.client.unconfirmed',
      messages('Publishes that wait for the word of the broker.'),
    );
    this.#unsettled = meter.createObservableUpDownCounter(
      'amqp_sync.client.unsettled',
      messages('Messages that the program has got, or is about to get, and has not settled.'),
    );
    this.#observe = (result) => {
      for (const { server, unconfirmed, unsettled } of connections.sums()) {
        const attributes = { ...SYSTEM, ...server };
        result.observe(this.#unconfirmed, unconfirmed, attributes);
        result.observe(this.#unsettled, unsettled, attributes);
      }
    };
    meter.addBatchObservableCallback(this.#observe, [this.#unconfirmed, this.#unsettled]);
  }

  sent(measured: Measured): void {
    guarded(A_FIGURE, () => this.#sent.add(1, attributesOf(measured)));
  }

  consumed(measured: Measured): void {
    guarded(A_FIGURE, () => this.#consumed.add(1, attributesOf(measured)));
  }

  /** `began`: by `clock`. */
  took(began: number, measured: Measured): void {
    const histogram = measured.type === 'process' ? this.#processing : this.#duration;
    guarded(A_FIGURE, () => histogram.record((clock.now() - began) / 1000, attributesOf(measured)));
  }

  reconnected(server: Attributes): void {
    guarded(A_FIGURE, () => this.#reconnects.add(1, { ...SYSTEM, ...forFigures(server) }));
  }

  end(): void {
    const observed = [this.#unconfirmed, this.#unsettled];
    guarded(A_FIGURE, () => this.meter.removeBatchObservableCallback(this.#observe, observed));
  }
}

function attributesOf({ name, type, destination, server, failure }: Measured): Attributes {
  return {
    ...operationAttributes(name, type),
    ...(destination?.entity !== undefined && { 'messaging.destination.name': destination.entity }),
    ...(failure !== undefined && { 'error.type': errorType(failure.error) }),
    ...forFigures(server),
  };
}
