/** The doc comments of what is public, from which editors and `npm run docs` make the reference. */
import ts from 'typescript';
import { compile, type Example, inspect } from './reference';

const factsOf = (name: string) => `${name}Facts`;
/**
 * Types that public signatures mention and that have no name for users: what they say shows where they stand. The
 * first are bases of exported classes, the others how facades write down the signatures of Python, and what diagnostics
 * channels tell, less whose it is.
 */
const WITHOUT_A_NAME: readonly string[] = [
  ...[
    'PublishError',
    'Decision',
    'Shown',
    'ConsumerStart',
    'ConsumingOptions',
    'Settings',
    'OptionsOf',
    'Input',
  ],
  ...['Args', 'ConnectionArguments', 'ConsumeForever', 'Method', 'MethodsOf', 'Mode'],
  ...[
    'Batch',
    'Blocked',
    'Call',
    'Confirm',
    'ConfirmWait',
    'Connect',
    'Deliver',
    'End',
    'Failure',
    'Process',
  ].map(factsOf),
  ...['Publish', 'Recovery', 'Return', 'Rpc', 'Settle', 'Wait'].map(factsOf),
  'Thrown',
  ...['AddressArgumentTypes', 'DeclareArgumentTypes', 'MethodArgumentTypes', 'ReturnArgumentTypes'],
];

/** A module in which something is missing, wherever that can be. */
const FIXTURE = 'src/fixture.ts';
const program = compile({
  [FIXTURE]: `
    interface Hidden { a: 1 }
    export interface Options {
      size: number;
      /** Documented. */
      speed?: number;
    }
    /** Documented. */
    export class A<T> {
      one(options: {
        limit: number;
        /** Documented. */
        unit: string;
      }): Hidden { return { a: 1 }; }
      /** Documented. */
      two(): T { throw 2; }
      #three = 3;
      /** @internal */
      four = 4;
      private five = 5;
      static six = 6;
      constructor(readonly seven: number) {}
      get eight(): number { return 8; }
      /** Documented. */
      [Symbol.dispose](): void {}
    }
    /** Documented. */
    export const all = {
      nine: 9,
      /** Documented. */
      ten: 10,
    };
    export type Choice = { eleven: 11 } | Pick<Options, 'speed'>;
    /** Documented. */
    export function twelve(...args: [limits: { thirteen: number }]): void {}`,
});
const { undocumented, unexported, documented, examples } = inspect(program);

test('every exported name, member, option and field has a comment', () => {
  expect(undocumented).toEqual([]);
  expect(documented).toBeGreaterThan(1000);
});

test('types that public signatures mention are exported', () => {
  const isKnown = (each: string) => WITHOUT_A_NAME.some((name) => each.startsWith(`${name} of`));
  expect(unexported.filter((each) => !isKnown(each))).toEqual([]);
});

test('no type is without a name for nothing', () => {
  expect(WITHOUT_A_NAME.filter((name) => !unexported.some((each) => each.startsWith(`${name} of`)))).toEqual(
    [],
  );
});

/** What examples speak of without making it, by entry point. */
const PRELUDES: Readonly<Record<string, string>> = {
  'amqp-sync': `
    import { tracingChannel } from 'node:diagnostics_channel';
    import { Worker, workerData } from 'node:worker_threads';
    import * as amqp from '../index';
    import type { PublishOperation } from '../index';
    const { connect, connectRobust, waitAny, startBroker, retry, deaths, typed, wasSent, Message, Remote, Rpc, Master } = amqp;
    const { AmqpError, NotFoundError, UnroutableError } = amqp;
    declare const connection: amqp.Connection, elsewhere: amqp.Connection, here: amqp.Connection, there: amqp.Connection;
    declare const channel: amqp.Channel, queue: amqp.Queue, shop: amqp.Exchange, audit: amqp.Exchange, exchange: amqp.Exchange;
    declare const message: amqp.IncomingMessage, broker: amqp.EmbeddedBroker, rpc: amqp.Rpc, master: amqp.Master;
    declare const lines: string[], files: string[], order: { id: number }, orders: { id: number }[], result: string, options: { purge: boolean };
    declare function work(...given: unknown[]): void;
    declare function resize(file: string): void;
    declare function ship(order: unknown): void;
    declare function alert(text: string): void;
    declare function reconcile(): void;
    declare function again(): void;
    declare function add(numbers: { a: number; b: number }): number;
    declare function sum(request: amqp.IncomingMessage): number;
    declare function expect(value: unknown): { toEqual(other: unknown): void };`,
  'amqp-sync/amqpy': `
    import { Worker } from 'node:worker_threads';
    import { AbstractConsumer, AMQPError, Connection, Message, NotFound, proto, spec, Timeout } from '../compat/amqpy';
    const { Method } = proto;
    declare const conn: Connection, ch: ReturnType<Connection['channel']>, msg: Message;
    declare const frame: proto.Frame, header: proto.Frame;
    declare function next(): proto.Frame;
    declare function work(...given: unknown[]): void;`,
  'amqp-sync/pika': `
    import { Worker } from 'node:worker_threads';
    import * as pika from '../compat/pika';
    declare const connection: pika.BlockingConnection, channel: pika.BlockingChannel;
    declare function work(text: string): void;`,
  'amqp-sync/opentelemetry': `
    import { context } from '@opentelemetry/api';
    import type { Queue } from '../index';
    import { contextOf, instrument } from '../opentelemetry';
    declare const queue: Queue;
    declare function ship(order: unknown): void;`,
};

/** What the compiler has against examples, each of which is a function here. */
function mistakesIn(given: readonly Example[]): string[] {
  const fileOf = (index: number) => `src/api/example-${index}.ts`;
  const texts = given.map(({ of, code }, index) => {
    const prelude = PRELUDES[of.split(' ')[0]!];
    return [fileOf(index), `${prelude}\nexport function example() {\n${code}\n}\n`];
  });
  const compiled = compile(Object.fromEntries(texts), []);
  return given.flatMap(({ of }, index) => {
    const file = compiled.getRootFileNames()[index]!;
    const source = compiled.getSourceFile(file);
    const found = [...compiled.getSyntacticDiagnostics(source), ...compiled.getSemanticDiagnostics(source)];
    return found.map(({ messageText }) => `${of}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
  });
}

/** What somebody who comes here meets first. */
const MET_FIRST: Readonly<Record<string, readonly string[]>> = {
  'amqp-sync': [
    ...['connect', 'connectRobust', 'startBroker', 'waitAny', 'retry', 'deaths', 'wasSent'],
    ...['Connection', 'Channel', 'Queue', 'Exchange', 'Message', 'IncomingMessage', 'ReturnedMessage'],
    ...['Remote', 'Rpc', 'Master', 'EmbeddedBroker', 'AmqpError', 'UnroutableError'],
    ...['Procedure.call', 'Procedure.serve', 'Queue.subscribe', 'Exchange.publish', 'Channel.publishBatch'],
  ],
  'amqp-sync/amqpy': ['Connection', 'Channel', 'Message', 'AbstractConsumer', 'AMQPError', 'proto Method'],
  'amqp-sync/pika': [
    ...['BlockingConnection', 'BlockingChannel', 'BlockingChannel.basic_consume', 'BlockingChannel.consume'],
    ...['ConnectionParameters', 'URLParameters', 'BasicProperties', 'exceptions AMQPError'],
  ],
  'amqp-sync/opentelemetry': ['instrument', 'contextOf', 'Instrumentation.disable'],
};

test('what one meets first has an example', () => {
  const shown = new Set(examples.map(({ of }) => of));
  const met = Object.entries(MET_FIRST).flatMap(([entry, names]) => names.map((name) => `${entry} ${name}`));
  expect(met.filter((name) => !shown.has(name))).toEqual([]);
});

test('examples compile, and one that says what there is not does not', () => {
  const wrong = { of: 'amqp-sync Channel.basicGet', code: "channel.basicGett('tasks');" };
  expect(mistakesIn([...examples, wrong])).toEqual([expect.stringContaining("'basicGett' does not exist")]);
  expect(examples.length).toBeGreaterThan(100);
});

test('the check sees names, members, options and types, wherever they stand', () => {
  const found = inspect(program, [FIXTURE]);
  expect(found.undocumented).toEqual(
    [
      ...['A static.six', 'A.constructor', 'A.eight', 'A.one', 'A.one(options).limit', 'A.seven'],
      ...['Choice', 'Choice.eleven', 'Options', 'Options.size', 'all.nine', 'twelve(args).thirteen'],
    ].map((name) => `${FIXTURE} ${name}`),
  );
  expect(found.unexported).toEqual([`Hidden of ${FIXTURE}, in ${FIXTURE} A`]);
});
