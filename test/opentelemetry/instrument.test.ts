/** Switching it on and off, and spans of other calls. */
import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import {
  context,
  createContextKey,
  DiagLogLevel,
  diag,
  propagation,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import { connect, type PublishResult, startBroker, WrongStateError } from '../../src';
import { contextOf, instrument } from '../../src/opentelemetry';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, eventually, privateQueue, thrownBy, unique } from '../support/connect';
import { disable, ended, instrumented, tracer, useTelemetry } from '../support/telemetry';

useChannel();
useTelemetry();

const CHANNELS = ['publish', 'batch', 'process', 'call', 'rpc', 'connect', 'close'].flatMap((name) =>
  ['start', 'end', 'error'].map((event) => `tracing:amqp-sync:${name}:${event}`),
);
const HAPPENINGS = ['confirm', 'deliver', 'settle', 'recovery', 'blocked', 'close'].map(
  (name) => `amqp-sync:${name}`,
);
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
  disable();
  expect(heard()).toEqual([]);
  {
    using again = instrument();
    expect(heard()).not.toEqual([]);
    again.disable();
    expect(heard()).toEqual([]);
  }
  const queue = privateQueue(channel, 'x');
  const message = channel.basicGet(queue)!;
  expect(message.properties.headers).toBeUndefined();
  expect(trace.getSpan(contextOf(message))).toBeUndefined();
  message.process(() => expect(trace.getActiveSpan()).toBeUndefined());
  expect(ended()).toEqual([]);
});

test("what goes wrong in it is not the program's concern", () => {
  instrumented({
    tracer: {
      startSpan() {
        throw new Error('a tracer of its own kind');
      },
      startActiveSpan: undefined as never,
    },
  });
  const complaints = complaintsDuring(() => {
    const queue = privateQueue(channel, 'one');
    channel.basicGet(queue)!.process(() => {});
  });
  expect(complaints.length).toBeGreaterThan(2);
});

test.each<[string, (...given: Parameters<typeof context.with>) => unknown]>([
  [
    'throws',
    () => {
      throw new Error('a context manager of its own kind');
    },
  ],
  ['runs nothing', () => undefined],
  ['runs everything twice', (_context, fn) => [fn(), fn()]],
])('a context manager that %s: the work is done, once', (_, within) => {
  const queue = privateQueue(channel, 'one', 'two');
  const manager = jest.spyOn(context, 'with').mockImplementation(within as typeof context.with);
  const done: string[] = [];
  try {
    complaintsDuring(() => {
      channel.basicGet(queue)!.process(({ text }) => void done.push(text));
      const failing = channel.basicGet(queue)!;
      expect(() =>
        failing.process(({ text }) => {
          done.push(text);
          throw new Error('mine');
        }),
      ).toThrow('mine');
    });
  } finally {
    manager.mockRestore();
  }
  expect(done).toEqual(['one', 'two']);
});

test('what another copy of the package tells is not heard', () => {
  const complaints = complaintsDuring(() => {
    for (const name of heard())
      diagnosticsChannel(name).publish({ connection: { isOpen: true }, channel: undefined, message: {} });
  });
  expect([complaints, ended()]).toEqual([[], []]);
});

/** What OpenTelemetry's logger is told meanwhile. */
function complaintsDuring(fn: () => void): string[] {
  const told: string[] = [];
  const tell = (...words: unknown[]) => void told.push(words.join(' '));
  const logger = { error: tell, warn: tell, info: tell, debug: tell, verbose: tell };
  diag.setLogger(logger, { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true });
  try {
    fn();
  } finally {
    diag.disable();
  }
  return told;
}

const w3c = {
  inject: (...args: Parameters<TextMapPropagator['inject']>) => propagation.inject(...args),
  extract: (...args: Parameters<TextMapPropagator['extract']>) => propagation.extract(...args),
  fields: () => propagation.fields(),
};

test.each<[string, string, unknown]>([
  ['a symbol', 'x', Symbol('x')],
  ['a number', 'x', Number.NaN],
  ['a function', 'x', () => {}],
  ['a long text', 'x', 'x'.repeat(200_000)],
  ['a long name', 'x'.repeat(300), 'x'],
])('a propagator that writes %s does not make a publish fail', (_, name, value) => {
  const queue = privateQueue(channel);
  const inject: TextMapPropagator['inject'] = (_context, carrier, setter) =>
    setter.set(carrier, name, value as string);
  instrumented({ propagator: { ...w3c, inject } });
  const complaints = complaintsDuring(() =>
    channel.basicPublish('hello', { routingKey: queue, headers: { own: 1 } }),
  );
  expect(complaints).toEqual([
    expect.stringMatching(/^amqp-sync\/opentelemetry: inject .*the propagator wrote/),
  ]);
  expect(channel.basicGet(queue, { noAck: true })!.properties.headers).toEqual({ own: 1 });
});

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('cannot read');
    },
  ],
  ['gives no context', () => undefined],
])('with a propagator that %s, messages have their spans', (_, extract) => {
  const queue = privateQueue(channel, 'x', 'y');
  instrumented({ propagator: { ...w3c, extract: extract as never } });
  ended();
  complaintsDuring(() => {
    const message = channel.basicGet(queue)!;
    expect(contextOf(message)).toBeDefined();
    message.process(() => {});
    channel.basicPublish('z', { routingKey: queue });
  });
  expect(ended().map(({ name }) => name)).toEqual(['receive', 'ack', 'process', 'send']);
});

class Unreadable {
  get message(): string {
    throw new Error('not to be read');
  }
  get code(): string {
    throw new Error('not to be read');
  }
}

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['a symbol', Symbol('thrown')],
  ['an object without a prototype', Object.create(null)],
  ['a message that is no text', { message: Object.create(null) }],
  ['an error that cannot be read', new Unreadable()],
])('a function that throws %s has a span that failed', (_, thrown) => {
  const queue = privateQueue(channel, 'x');
  const message = channel.basicGet(queue)!;
  ended();
  complaintsDuring(() => {
    let caught: unknown = 'nothing';
    try {
      message.process(() => {
        throw thrown;
      });
    } catch (error) {
      caught = error;
    }
    expect(Object.is(caught, thrown)).toBe(true);
  });
  expect(ended().filter(({ name }) => name === 'process')).toEqual([
    expect.objectContaining({
      isError: true,
      attributes: expect.objectContaining({ 'error.type': '_OTHER' }),
    }),
  ]);
});

test('a meter that throws, and spans that do not end, are no matter of the program', () => {
  const fail = () => {
    throw new Error('a meter of its own kind');
  };
  const instrument = { add: fail, record: fail };
  const meter = {
    createCounter: () => instrument,
    createHistogram: () => instrument,
    createObservableUpDownCounter: () => ({}),
    addBatchObservableCallback: () => {},
    removeBatchObservableCallback: fail,
  };
  instrumented({ meter: meter as never });
  const queue = privateQueue(channel, 'x');
  ended();
  const complaints = complaintsDuring(() => {
    channel.basicGet(queue)!.process(() => {});
    disable();
  });
  expect(complaints.length).toBeGreaterThan(2);
  expect(ended().map(({ name }) => name)).toEqual(['receive', 'ack', 'process']);
});

test('with calls, what else waits for the broker has spans', () => {
  instrumented({ calls: true });
  const own = connect(undefined, { callTimeout: CEILING, connectTimeout: CEILING });
  const other = own.channel();
  other.queueDeclare('', { exclusive: true });
  other.close();
  thrownBy(() => own.channel().queueDeclare('amq.no', {}));
  own.close();
  const spans = ended();
  expect(spans.map(({ name, kind }) => `${kind} ${name}`)).toEqual(
    expect.arrayContaining(['CLIENT connect', 'CLIENT channel.open', 'CLIENT queue.declare']),
  );
  const closings = spans.filter(({ name }) => name.endsWith('close')).map(({ name }) => name);
  expect(closings).toEqual(['channel.close', 'connection.close']);
  const failed = spans.find(({ isError }) => isError)!;
  expect(failed).toMatchObject({ name: 'queue.declare', attributes: { 'error.type': 'ACCESS_REFUSED' } });
  const { port } = new URL(process.env.AMQP_URL!);
  expect(spans.find(({ name }) => name === 'connect')!.attributes['server.port']).toBe(Number(port));
  thrownBy(() => connect('amqp://127.0.0.1:1', { connectTimeout: 2000 }));
  expect(ended()).toEqual([
    expect.objectContaining({
      name: 'connect',
      isError: true,
      attributes: expect.objectContaining({ 'server.address': '127.0.0.1', 'server.port': 1 }),
    }),
  ]);
});

test('switched off at work, the spans of it end', () => {
  const queue = privateQueue(channel, 'one');
  const message = channel.basicGet(queue)!;
  ended();
  message.process(() => disable());
  expect(ended().map(({ name }) => name)).toEqual(['process']);
});

test('a propagator of its own writes the headers, and reads them', () => {
  const key = createContextKey('letter');
  instrumented({
    propagator: {
      inject: (_, carrier, setter) => setter.set(carrier, 'x-letter', 'a'),
      extract: (from, carrier, getter) => from.setValue(key, getter.get(carrier, 'x-letter')),
      fields: () => ['x-letter'],
    },
  });
  const queue = privateQueue(channel);
  channel.basicPublish('one', { routingKey: queue, headers: { 'x-letter': 'z' } });
  const message = channel.basicGet(queue)!;
  expect(message.properties.headers).toEqual({ 'x-letter': 'a' });
  expect(contextOf(message).getValue(key)).toBe('a');
});

test('callbacks that are about no message run in the context of the call that runs them', () => {
  channel.confirmSelect();
  const queue = privateQueue(channel);
  const within: unknown[] = [];
  const note = () => void within.push(trace.getActiveSpan()?.spanContext().spanId);
  channel.onReturn = note;
  channel.basicPublish('back', { routingKey: 'amq.nowhere', mandatory: true, wait: false });
  channel.waitForConfirms();
  connection.loop({ timeout: 0 });
  channel.publishBatch(['one'], { routingKey: queue, onResult: note });
  const batch = ended().find(({ kind }) => kind === 'CLIENT')!;
  expect(within).toEqual([undefined, batch.spanId]);
});

test('the stack of an error begins where the program has called, as without', () => {
  const here = /opentelemetry\/instrument\.test\.ts/;
  const error = thrownBy(() => channel.basicGet(unique('nowhere')));
  expect(error.stack?.split('\n').find((line) => line.includes('   at '))).toMatch(here);
  using other = connection.channel();
  const wrong = thrownBy(() => other.basicPublish('x', { priority: 999 }));
  expect(wrong.stack?.split('\n').find((line) => line.includes('   at '))).toMatch(here);
  other.confirmSelect();
  const [{ error: returned }] = other.publishBatch(['x'], { routingKey: unique(), mandatory: true }) as [
    PublishResult,
  ];
  expect(returned?.stack?.split('\n').find((line) => line.includes('   at '))).toMatch(here);
});

test('a broker that blocks publishing is an event of the span that is current', () => {
  using broker = startBroker();
  using blocked = connect(broker.url, { callTimeout: CEILING, connectTimeout: CEILING });
  const until = (isBlocked: boolean) =>
    eventually(() => {
      blocked.loop({ timeout: 0 });
      return blocked.isBlocked === isBlocked;
    });
  blocked.channel().basicPublish('x', { routingKey: 'q' });
  const own = tracer.startSpan('own');
  context.with(trace.setSpan(context.active(), own), () => {
    broker.block('the disk is full');
    until(true);
    broker.unblock();
    until(false);
  });
  own.end();
  expect(ended().find(({ name }) => name === 'own')!.events).toEqual([
    'connection blocked',
    'connection unblocked',
  ]);
});
