import {
  type Args,
  integer,
  KeyboardInterrupt,
  milliseconds,
  namedTuple,
  signatures,
  timestampSeconds,
  translating,
} from '../../src/compat/python';
import { InterruptedError, NotFoundError } from '../../src/errors';
import { thrownBy } from '../support/connect';

interface ArgumentTypes {
  /** The name of the queue. */
  queue: [queue: string];
  on_message: [on_message: (body: string) => void];
  passive: [passive: boolean];
  delay: [delay: number];
  type: [type: string];
  port: [port: number];
  arguments: [arguments: Record<string, unknown> | null];
}

const DEF = signatures<ArgumentTypes>()('Channel', {
  declare: "queue, passive=False, arguments=None, type='direct', delay=1.5, port=...",
  consume: 'queue, on_message, passive=True',
  close: 'delay=0',
  sleep: 'delay',
  three: 'queue, delay, type',
});
const FUNCTION = signatures<ArgumentTypes>()('', { pause: 'delay', many: 'queue, delay' });

function declare(...args: Args<typeof DEF.declare>) {
  return DEF.declare(args);
}
function consume(...args: Args<typeof DEF.consume>) {
  return DEF.consume(args);
}
function wrongly(signature: (given: never) => unknown, ...args: unknown[]): string {
  return thrownBy<TypeError>(() => signature(args as never)).message;
}

describe('arguments', () => {
  const defaults = { passive: false, arguments: null, type: 'direct', delay: 1.5, port: undefined };

  test.each([
    ['positional', declare('q', true, null, 'topic')],
    ['by keyword', declare({ queue: 'q', type: 'topic', passive: true })],
    ['mixed', declare('q', true, { type: 'topic' })],
    ['mixed, with undefined for left out', declare('q', true, undefined, 'topic', undefined)],
  ])('are given as in Python: %s', (_, bound) => {
    expect(bound).toEqual({ ...defaults, queue: 'q', passive: true, type: 'topic' });
  });

  test('defaults are those of the signature; one that depends is left out', () => {
    expect(declare('q')).toEqual({ ...defaults, queue: 'q' });
    expect(declare('q', {})).toEqual({ ...defaults, queue: 'q' });
    expect(DEF.close([])).toEqual({ delay: 0 });
  });

  test('an object where a table belongs is the table, unless it has parameter names only', () => {
    expect(declare('q', false, { 'x-expires': 1 }).arguments).toEqual({ 'x-expires': 1 });
    expect(declare('q', false, {}).arguments).toEqual({});
    expect(declare({ queue: 'q', arguments: { type: 'mine' } }).arguments).toEqual({ type: 'mine' });
    expect(declare('q', false, { type: 'topic' })).toMatchObject({ type: 'topic', arguments: null });
    expect(declare('q', false, { type: 'x', 'x-y': 1 } as never).arguments).toEqual({ type: 'x', 'x-y': 1 });
  });

  test('an object of a class is no keywords', () => {
    const callback = (body: string) => body.length;
    expect(consume('q', callback).on_message).toBe(callback);
    expect(wrongly(DEF.declare, new Date(), 1, 2, 3, 4, 5, 6)).toMatch('but 8 were given');
  });

  // words of CPython 3.11
  test.each([
    [DEF.declare, [], "Channel.declare() missing 1 required positional argument: 'queue'"],
    [DEF.consume, [], "Channel.consume() missing 2 required positional arguments: 'queue' and 'on_message'"],
    [DEF.three, [], "Channel.three() missing 3 required positional arguments: 'queue', 'delay', and 'type'"],
    [DEF.declare, ['q', { durabel: true }], "Channel.declare() got an unexpected keyword argument 'durabel'"],
    [
      DEF.declare,
      [{ queue: 'q', durabel: true }],
      "Channel.declare() got an unexpected keyword argument 'durabel'",
    ],
    [DEF.declare, ['q', { queue: 'r' }], "Channel.declare() got multiple values for argument 'queue'"],
    [
      DEF.declare,
      ['q', 1, 2, 3, 4, 5, 6],
      'Channel.declare() takes from 2 to 7 positional arguments but 8 were given',
    ],
    [DEF.close, [1, 2], 'Channel.close() takes from 1 to 2 positional arguments but 3 were given'],
    [DEF.sleep, [1, 2], 'Channel.sleep() takes 2 positional arguments but 3 were given'],
    [FUNCTION.pause, [1, 2], 'pause() takes 1 positional argument but 2 were given'],
    [FUNCTION.many, [{ delay: 1 }], "many() missing 1 required positional argument: 'queue'"],
  ])('what is wrong is said as Python says it, %#', (signature, args, message) => {
    expect(wrongly(signature as never, ...(args as unknown[]))).toBe(message);
    expect(thrownBy(() => (signature as (given: unknown) => unknown)(args))).toBeInstanceOf(TypeError);
  });

  test('the compiler knows both styles', () => {
    // never called: npm run check reads it
    const calls = () => {
      consume('q', (body) => body.length);
      consume({ queue: 'q', on_message: (body) => body.length, passive: true });
      consume('q', { on_message: (body) => body.length });
      // @ts-expect-error queue is missing
      declare();
      // @ts-expect-error on_message is missing
      consume({ queue: 'q' });
      // @ts-expect-error a queue is a string
      declare(1);
      // @ts-expect-error no such argument
      declare({ queue: 'q', durabel: true });
      // @ts-expect-error given twice
      consume('q', (body) => body.length, true, { passive: true });
      const delay: number = declare('q').delay;
      // @ts-expect-error a default that depends may be missing
      const port: number = declare('q').port;
      return [delay, port];
    };
    expect(calls).toBeInstanceOf(Function);
  });
});

describe('named tuples', () => {
  const pair = namedTuple<{ queue: [queue: string]; delay: [delay: number] }>()('pair', 'queue, delay');

  test('are arrays whose items have names', () => {
    const made = new pair('q', 3);
    const [queue, delay] = made;
    expect([queue, delay, made.queue, made.delay, made.length]).toEqual(['q', 3, 'q', 3, 2]);
    expect(Array.isArray(made)).toBe(true);
    expect(made).toBeInstanceOf(pair);
    expect(made).toEqual(['q', 3]);
    expect(new pair({ delay: 3, queue: 'q' })).toEqual(made);
    expect(pair._fields).toEqual(['queue', 'delay']);
    expect(pair.name).toBe('pair');
    expect(String(made)).toBe('pair(queue=q, delay=3)');
  });

  test('cannot be changed, and what is made of them is an ordinary array', () => {
    const made = new pair('q', 3);
    expect(() => (made as unknown as unknown[]).push(4)).toThrow(TypeError);
    expect(made.map(String)).toEqual(['q', '3']);
    expect(made.map(String)).not.toBeInstanceOf(pair);
  });

  test('refuse what Python refuses, and say it as Python does', () => {
    expect(() => new pair(...(['q', 3, 4] as never))).toThrow(
      'pair() takes 2 positional arguments but 3 were given',
    );
  });
});

describe('numbers and times', () => {
  test.each([
    [5, 5],
    [5n, 5],
    [-5n, -5],
    [9_007_199_254_740_991n, 9_007_199_254_740_991],
    [9_007_199_254_740_992n, 9_007_199_254_740_992n],
    [-9_007_199_254_740_992n, -9_007_199_254_740_992n],
  ])('the integer %p is %p', (value, expected) => {
    expect(integer(value)).toBe(expected);
  });

  test('a timestamp is whole seconds', () => {
    expect(timestampSeconds(new Date(1_700_000_000_999))).toBe(1_700_000_000);
    expect(timestampSeconds(2n ** 63n)).toBe(2n ** 63n);
  });

  test('seconds are milliseconds, and None is for ever', () => {
    expect([milliseconds(0, 't'), milliseconds(0.25, 't'), milliseconds(null, 't')]).toEqual([
      0,
      250,
      Number.POSITIVE_INFINITY,
    ]);
    expect(() => milliseconds(-1, 'time_limit')).toThrow(
      new RangeError('time_limit must be 0 or more seconds, got -1'),
    );
    expect(() => milliseconds(Number.NaN, 't')).toThrow(RangeError);
    expect(() => milliseconds('1' as never, 't')).toThrow(TypeError);
  });
});

describe('errors', () => {
  const translate = () => new Error('translated');

  test('ours are translated, Ctrl-C is KeyboardInterrupt with its cause, others pass', () => {
    const interrupted = new InterruptedError('by Ctrl-C');
    const thrown = (error: unknown) =>
      thrownBy<Error>(() =>
        translating(translate, () => {
          throw error;
        }),
      );
    expect(thrown(new NotFoundError('no queue')).message).toBe('translated');
    expect(thrown(interrupted)).toBeInstanceOf(KeyboardInterrupt);
    expect(thrown(interrupted)).toMatchObject({ cause: interrupted, name: 'KeyboardInterrupt' });
    const other = new RangeError('other');
    expect(thrown(other)).toBe(other);
    expect(translating(translate, () => 5)).toBe(5);
  });
});
