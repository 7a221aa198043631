/// <reference types="node" preserve="true" />
/**
 * OpenTelemetry's spans, context and metrics for what this library does: docs/opentelemetry.md. It needs
 * `@opentelemetry/api`, which the program installs.
 * @module amqp-sync/opentelemetry
 * @example
 * import { connect } from 'amqp-sync';
 * import { instrument } from 'amqp-sync/opentelemetry';
 *
 * instrument();
 * using connection = connect('amqp://localhost');
 * connection.queue('tasks').publish('hello'); // the span "send tasks"
 */

export {
  contextOf,
  type Instrumentation,
  type InstrumentOptions,
  instrument,
} from './opentelemetry/instrument';
