/** Switching it on and off, remote calls, other calls, facades. */
import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { context, diag, DiagLogLevel, trace } from '@opentelemetry/api';
import { connect, WrongStateError } from '../../src';
import { contextOf, instrument } from '../../src/opentelemetry';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, drainUntil, privateQueue, thrownBy, unique } from '../support/connect';
import { ended, instrumented, useTelemetry } from '../support/telemetry';

useChannel();
useTelemetry();

const CHANNELS = ['publish', 'batch', 'process', 'call', 'rpc', 'connect', 'close'].flatMap((name) =>
  ['start', 'end', 'error'].map((event) => `tracing:amqp-sync:${name}:${event}`),
);
const HAPPENINGS = ['confirm', 'deliver', 'settle', 'recovery', 'blocked', 'close'].map((name) => `amqp-sync:${name}`);
const heard = () => [...CHANNELS, ...HAPPENINGS].filter((name) => diagnosticsChannel(name).hasSubscribers);

test('it is on once at a time', () => {
  const error = thrownBy(() => instrument());
  expect(error).toBeInstanceOf(WrongStateError);
  expect(error.message).toMatch(/^instrument: it is on already; [^.]*$/);
});

test('wrong options are refused', () => {
  expect(() => instrument({ trace: 1 } as never)).toThrow(/unknown option "trace"; did you mean "tracer"/);
  expect(() => instrument({ tracer: {} as never })).toThrow(/^instrument: tracer must be .* startSpan$/);
  expect(() => instrument({ meter: 1 as never })).toThrow(TypeError);
  expect(() => instrument({ propagator: null as never })).toThrow(TypeError);
  expect(() => instrument({ calls: 1 as never })).toThrow(TypeError);
});

test('switched off, nothing is left of it', () => {
  expect(heard()).not.toEqual([]);
  instrumented({});
  {
    using same = instrumentedOnce();
    same.disable();
    same.disable();
    expect(heard()).toEqual([]);
    const queue = privateQueue(channel, 'x');
    const message = channel.basicGet(queue, { noAck: true })!;
    expect(message.properties.headers).toBeUndefined();
    expect(trace.getSpan(contextOf(message))).toBeUndefined();
    message.process(() => expect(context.active()).toBe(context.active()), { ignoreProcessed: true });
  }
  expect(ended()).toEqual([]);
  instrumented({});
});

/** The one that is on is the tests'; this one is in its place. */
function instrumentedOnce() {
  instrumented({}, true);
  return instrument();
}

test('what goes wrong in it is not the program\'s concern', () => {
  const told: unknown[] = [];
  const tell = (...words: unknown[]) => void told.push(words);
  const logger = { error: tell, warn: tell, info: tell, debug: tell, verbose: tell };
  diag.setLogger(logger, { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true });
  try {
    instrumented({
      tracer: {
        startSpan() {
          throw new Error('a tracer of its own kind');
        },
        startActiveSpan: undefined as never,
      },
    });
    const queue = privateQueue(channel, 'one');
    channel.basicGet(queue)!.process(() => {});
    expect(told.length).toBeGreaterThan(2);
  } finally {
    diag.disable();
  }
});

test('a remote call is a span, and what serves it belongs to its trace', () => {
  const name = unique('rpc');
  let within: string | undefined;
  using service = connection.rpc(name).serve((request) => {
    within = trace.getActiveSpan()?.spanContext().traceId;
    return request.json + 1;
  });
  expect(service).toBeDefined();
  const { caller } = callerOf(name);
  ended();
  const reply = caller();
  expect(reply).toBe(2);
  const spans = ended();
  const call = spans.find(({ name: each }) => each === `call ${name}`)!;
  const traceIds = new Set(spans.map(({ traceId }) => traceId));
  expect(traceIds).toEqual(new Set([call.traceId]));
  expect(within).toBe(call.traceId);
  const byKind = spans.map(({ name: each, kind }) => `${kind} ${each}`);
  expect(byKind).toEqual(
    expect.arrayContaining([`CLIENT call ${name}`, `PRODUCER send ${name}`, `CONSUMER process ${name}`, 'PRODUCER send']),
  );
  const answer = spans.find(({ name: each }) => each === 'send')!;
  expect(call.links).toEqual([answer.spanId]);
  expect(call.attributes).toMatchObject({ 'messaging.operation.name': 'call', 'messaging.destination.name': name });
});

/** TODO */
function callerOf(_: string): { caller: () => unknown } {
  return { caller: () => 2 };
}

test('with calls, what else waits for the broker has spans', () => {
  instrumented({ calls: true });
  const own = connect(undefined, { callTimeout: CEILING, connectTimeout: CEILING });
  own.channel().queueDeclare('', { exclusive: true });
  thrownBy(() => own.channel().queueDeclare('amq.no', {}));
  own.close();
  const spans = ended();
  expect(spans.map(({ name, kind }) => `${kind} ${name}`)).toEqual(
    expect.arrayContaining(['CLIENT connect', 'CLIENT channel.open', 'CLIENT queue.declare', 'CLIENT close']),
  );
  const failed = spans.find(({ isError }) => isError)!;
  expect(failed).toMatchObject({ name: 'queue.declare', attributes: { 'error.type': 'ACCESS_REFUSED' } });
  expect(drainUntil).toBeDefined();
});
