import type { Context, Meter, TextMapPropagator, Tracer } from '@opentelemetry/api';
import { IncomingMessage } from '../api/message';
import { wrongType } from '../caller';
import { OPERATION } from '../client/diagnostics';
import { checkBoolean, checkOptions } from '../client/options/checks';
import { WrongStateError } from '../errors';
import { version } from '../version';
import { api } from './api';
import { Calling } from './calling';
import { Consuming } from './consuming';
import { guarded } from './guarded';
import { HeaderPropagation } from './headers';
import { Metrics } from './metrics';
import { Producing } from './producing';
import { OpenConnections } from './servers';
import { Subscriptions } from './subscriptions';
import { Telemetry } from './telemetry';

/** What to instrument with. Each default is what the program has registered with OpenTelemetry. */
export interface InstrumentOptions {
  /** Makes the spans. Default: `trace.getTracer('amqp-sync')`; a provider may be registered later. */
  tracer?: Tracer | undefined;
  /** Makes the metrics. Default: `metrics.getMeter('amqp-sync')`; its provider has to be registered before. */
  meter?: Meter | undefined;
  /** Writes contexts to headers, and reads them. Default: the registered one. */
  propagator?: TextMapPropagator | undefined;
  /** Whether each message of `publishBatch` has a span of its own. Default true; false: all have the context of the batch. */
  createSpans?: boolean | undefined;
  /** Spans also for what else waits for the broker: `queue.declare`, `connect`, `close` … Default false. */
  calls?: boolean | undefined;
}

/** What `instrument` has switched on. With `using` it ends with the block. */
export interface Instrumentation extends Disposable {
  /**
   * Switch it off. Does not block; again: nothing.
   * @example
   * const instrumentation = instrument();
   * instrumentation.disable();
   */
  disable(): void;
  /** `disable`. */
  [Symbol.dispose](): void;
}

const NAMES = new Set(['tracer', 'meter', 'propagator', 'createSpans', 'calls']);
const NO_OPTIONS: InstrumentOptions = {};

/** Operations that run code of the program's. */
const RUNNING_CODE = [OPERATION.batch, OPERATION.process];

/** What is on. */
let current: Consuming | undefined;

/**
 * Trace and measure what this library does from now on, for all connections of this thread. Does not block.
 * @throws {WrongStateError} it is on already
 * @throws {TypeError} a wrong option
 * @example
 * const instrumentation = instrument({ calls: true });
 * // … and at the end
 * instrumentation.disable();
 */
export function instrument(options: InstrumentOptions = NO_OPTIONS): Instrumentation {
  checkOptions('instrument', options, NAMES);
  checkMember(options.tracer, 'tracer', 'startSpan');
  checkMember(options.meter, 'meter', 'createHistogram');
  checkMember(options.propagator, 'propagator', 'inject');
  checkBoolean(options.createSpans, 'createSpans');
  checkBoolean(options.calls, 'calls');
  if (current !== undefined)
    throw new WrongStateError(
      'instrument: it is on already; disable() what the first call has returned before',
    );
  const { createSpans = true, calls = false } = options;
  const connections = new OpenConnections();
  const telemetry = new Telemetry(
    options.tracer ?? api.trace.getTracer('amqp-sync', version),
    new HeaderPropagation(options.propagator),
    new Metrics(options.meter ?? api.metrics.getMeter('amqp-sync', version), connections),
    connections,
  );
  const subscriptions = new Subscriptions();
  const consuming = new Consuming(telemetry);
  for (const part of [new Calling(telemetry, calls), new Producing(telemetry, createSpans), consuming])
    part.listen(subscriptions);
  const inContext = (facts: object, fn: () => void) => {
    const context = telemetry.contexts.get(facts);
    if (context === undefined) fn();
    else runIn(context, fn);
  };
  for (const operation of RUNNING_CODE) operation.inContext = inContext;
  current = consuming;
  const disable = () => {
    if (current !== consuming) return;
    current = undefined;
    subscriptions.end();
    for (const operation of RUNNING_CODE) operation.inContext = undefined;
    telemetry.end();
  };
  return { disable, [Symbol.dispose]: disable };
}

/**
 * The context of a message: of the work on it, else of its way here; without `instrument`, what its headers say. For what a
 * loop does with a message outside of `message.process`. Does not block.
 * @throws {TypeError} it is no message of this library's
 * @example
 * for (const message of queue) {
 *   context.with(contextOf(message), () => ship(message.json));
 *   message.ack();
 * }
 */
export function contextOf(message: IncomingMessage): Context {
  if (!(message instanceof IncomingMessage))
    throw wrongType('contextOf: message must be one that came from the broker');
  if (current !== undefined) return current.contextOf(message);
  return new HeaderPropagation(undefined).extract(api.context.active(), message.properties.headers);
}

/** Run it in the context; once, whatever a context manager does. @throws what `fn` throws */
function runIn(context: Context, fn: () => void): void {
  let hasRun = false;
  let thrown: { readonly error: unknown } | undefined;
  const once = () => {
    if (hasRun) return;
    hasRun = true;
    try {
      fn();
    } catch (error) {
      thrown = { error };
    }
  };
  guarded('a context', () => api.context.with(context, once));
  once();
  if (thrown !== undefined) throw thrown.error;
}

function checkMember(value: object | undefined, name: string, member: string): void {
  if (value === undefined) return;
  if (typeof (value as Record<string, unknown> | null)?.[member] !== 'function')
    throw wrongType(`instrument: ${name} must be one of OpenTelemetry's, with a method ${member}`);
}
