import { fromCaller, outOfRange, wrongType } from '../caller';
import { catching } from '../client/interruption';
import { AmqpError, InterruptedError } from '../errors';

/**
 * What Python's functions and values are in the port, for both facades.
 *
 * A signature is written down as Python writes it, `'queue, passive=False, arguments=None'`, and everything
 * follows from that line: the order and the defaults at run time, and for the editor both styles of a call,
 * with names, types and documentation, from one glossary, whose entries are tuples of one for the sake of
 * their label:
 *
 *     interface ArgumentTypes {
 *       /** The name of the queue. *\/
 *       queue: [queue: string];
 *       passive: [passive: boolean];
 *     }
 *     const DEF = signatures<ArgumentTypes>()('Channel', { queue_declare: 'queue, passive=False' });
 *
 *     queue_declare(...args: Args<typeof DEF.queue_declare>): void {
 *       const { queue, passive } = DEF.queue_declare(args);
 *
 * and `queue_declare('q', true)`, `queue_declare('q', { passive: true })` and `queue_declare({ queue: 'q' })`
 * are the same to it as they are to Python.
 */
type ArgumentTypes<W> = { [K in keyof W]: [unknown] };

// ── signatures, for the compiler ──────────────────────────────────────────────────────────────────────

type Split<S extends string> = S extends ''
  ? []
  : S extends `${infer First}, ${infer Rest}`
    ? [First, ...Split<Rest>]
    : [S];

type Name<P> = P extends `${infer N}=${string}` ? N : P;
type RequiredIn<Ps extends unknown[]> = Exclude<Ps[number], `${string}=${string}`>;
type OptionalIn<Ps extends unknown[]> = Extract<Ps[number], `${string}=${string}`>;

type Loose<T extends [unknown]> = { [I in keyof T]?: T[I] | undefined };

/** The label of a word stays with it, also where it may be left out. */
type Word<W extends ArgumentTypes<W>, P> =
  Name<P> extends infer N extends keyof W ? (P extends `${string}=${string}` ? Loose<W[N]> : W[N]) : never;

type Positional<W extends ArgumentTypes<W>, Ps extends unknown[]> = Ps extends [infer P, ...infer Rest]
  ? [...Word<W, P>, ...Positional<W, Rest>]
  : [];

// mapped over a pick, entries keep their documentation
type Values<W extends ArgumentTypes<W>, N> = { [K in keyof Pick<W, N & keyof W>]: W[K][0] };
type Maybe<T> = { [K in keyof T]?: T[K] | undefined };
type Flat<T> = { [K in keyof T]: T[K] };

type Keywords<W extends ArgumentTypes<W>, Ps extends unknown[]> = Flat<
  Values<W, Name<RequiredIn<Ps>>> & Maybe<Values<W, Name<OptionalIn<Ps>>>>
>;

type Full<W extends ArgumentTypes<W>, P> = Name<P> extends infer N extends keyof W ? W[N] : never;

type Mixed<W extends ArgumentTypes<W>, Ps extends unknown[]> = Ps extends [infer P, ...infer Rest]
  ? [keywords: Keywords<W, Ps>] | [...Full<W, P>, ...Mixed<W, Rest>]
  : never;

type Call<W extends ArgumentTypes<W>, S extends string> = Positional<W, Split<S>> | Mixed<W, Split<S>>;

type Unset<Ps extends unknown[]> = Extract<Ps[number], `${string}=...`>;
type Bound<W extends ArgumentTypes<W>, S extends string> = Values<
  W,
  Name<Exclude<Split<S>[number], Unset<Split<S>>>>
> &
  Maybe<Values<W, Name<Unset<Split<S>>>>>;

/** A signature: what its callers gave, as an object with every argument under its name. */
export type Signature<W extends ArgumentTypes<W>, S extends string> = (given: Call<W, S>) => Bound<W, S>;

/** What a function with such a signature takes: positional in order, or with a last object of keywords. */
export type Args<F extends (given: never) => unknown> = Parameters<F>[0];

// ── signatures, at run time ───────────────────────────────────────────────────────────────────────────

interface Parameter {
  name: string;
  required: boolean;
  /** undefined also for `...`: what is left out stays out. */
  value: unknown;
}

interface Definition {
  /** As Python's messages name it. */
  what: string;
  parameters: readonly Parameter[];
  /** Parameters whose value is a table, so that an object there need not be keywords. */
  tables: ReadonlySet<string>;
  /** Python counts the object before the dot. */
  self: number;
}

const TABLES: ReadonlySet<string> = new Set([
  'arguments',
  'headers',
  'application_headers',
  'client_properties',
  'tcp_options',
]);

/**
 * Signatures of the methods of a class (`owner`; `''` for functions), each written as in Python without
 * `self`. A default is `True`, `False`, `None` (null), a number, a string in single quotes, or `...` for
 * one that depends. `tables` are the parameters that take a plain object themselves.
 */
export function signatures<W extends ArgumentTypes<W>>(
  tables: ReadonlySet<string> = TABLES,
): <const T extends Record<string, string>>(
  owner: string,
  sources: T,
) => { readonly [K in keyof T]: Signature<W, T[K]> } {
  return (owner, sources) => {
    const entries = Object.entries(sources).map(([name, source]) => {
      const what = owner === '' ? name : `${owner}.${name}`;
      const definition = { what, parameters: parametersOf(source), tables, self: owner === '' ? 0 : 1 };
      return [name, (given: readonly unknown[]) => bind(definition, given)];
    });
    return Object.fromEntries(entries);
  };
}

function parametersOf(source: string): Parameter[] {
  const parts = source === '' ? [] : source.split(', ');
  return parts.map((part) => {
    const [, name, literal] = /^(\w+)(?:=(.+))?$/.exec(part) as unknown as [string, string, string?];
    return { name, required: literal === undefined, value: literal && literalValue(literal) };
  });
}

const CONSTANTS: Readonly<Record<string, unknown>> = {
  True: true,
  False: false,
  None: null,
  '...': undefined,
};

function literalValue(literal: string): unknown {
  if (Object.hasOwn(CONSTANTS, literal)) return CONSTANTS[literal];
  return literal.startsWith("'") ? literal.slice(1, -1) : Number(literal);
}

/** @throws {TypeError} as Python words it */
function bind(definition: Definition, given: readonly unknown[]): never {
  const { what, parameters } = definition;
  const keywords = keywordsIn(definition, given);
  const count = given.length - (keywords === undefined ? 0 : 1);
  if (count > parameters.length) throw wrongType(`${what}() takes ${tooMany(definition, count)}`);
  const bound: Record<string, unknown> = {};
  for (let index = 0; index < parameters.length; index++) {
    const { name, value } = parameters[index]!;
    const positional = index < count ? given[index] : undefined;
    bound[name] = positional === undefined ? value : positional;
  }
  if (keywords !== undefined) {
    for (const [name, value] of Object.entries(keywords)) {
      const index = parameters.findIndex((parameter) => parameter.name === name);
      if (index < 0) throw wrongType(`${what}() got an unexpected keyword argument '${name}'`);
      if (value === undefined) continue;
      if (index < count && given[index] !== undefined)
        throw wrongType(`${what}() got multiple values for argument '${name}'`);
      bound[name] = value;
    }
  }
  const missing = parameters.filter(({ name, required }) => required && bound[name] === undefined);
  if (missing.length > 0) throw wrongType(`${what}() missing ${listed(missing.map(({ name }) => name))}`);
  return bound as never;
}

/**
 * The last argument, if it is the keywords: a plain object where no table is wanted, or of parameter names only.
 * An empty one there is a table.
 */
function keywordsIn({ parameters, tables }: Definition, given: readonly unknown[]): object | undefined {
  const last = given.at(-1);
  if (!isPlainObject(last)) return undefined;
  const place = parameters[given.length - 1]?.name;
  if (place === undefined || !tables.has(place)) return last;
  const isKeyword = (key: string) => parameters.some(({ name }) => name === key);
  const keys = Object.keys(last);
  return keys.length > 0 && keys.every(isKeyword) ? last : undefined;
}

/** An object literal of any realm, or one without a prototype. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function tooMany({ parameters, self }: Definition, count: number): string {
  const least = self + parameters.filter(({ required }) => required).length;
  const most = self + parameters.length;
  const number = least === most ? `${most}` : `from ${least} to ${most}`;
  const were = self + count === 1 ? 'was' : 'were';
  return `${number} positional argument${most === 1 ? '' : 's'} but ${self + count} ${were} given`;
}

function listed(names: readonly string[]): string {
  const quoted = names.map((name) => `'${name}'`);
  const last = quoted.pop();
  const comma = quoted.length > 1 ? ',' : '';
  const list = quoted.length === 0 ? last : `${quoted.join(', ')}${comma} and ${last}`;
  return `${names.length} required positional argument${names.length === 1 ? '' : 's'}: ${list}`;
}

// ── named tuples ──────────────────────────────────────────────────────────────────────────────────────

/** An array to be destructured, whose items also have names. */
export type NamedTuple<W extends ArgumentTypes<W>, S extends string> = Readonly<Positional<W, Split<S>>> &
  Readonly<Values<W, Split<S>[number]>>;

/** A class of tuples: `new` takes the items in order, or by name. */
export type TupleClass<W extends ArgumentTypes<W>, S extends string> = {
  new (...args: Call<W, S>): NamedTuple<W, S>;
  /** The names of the items, in order. */
  readonly _fields: readonly string[];
};

/**
 * Python's `collections.namedtuple`, with the field names in one string as Python takes them. The words are
 * labels and types, as for signatures.
 *
 *     const ok = new queue_declare_ok_t('q', 3, 0);
 *     const [queue, count] = ok; // and ok.message_count
 */
export function namedTuple<W extends ArgumentTypes<W>>(): <const S extends string>(
  typename: string,
  fields: S,
) => TupleClass<W, S> {
  return (typename, fields) => {
    const define = signatures<Record<string, [unknown]>>()('', { [typename]: fields });
    const names = fields.split(', ');
    const Tuple = class extends Array<unknown> {
      static readonly _fields: readonly string[] = names;
      /** What is made of a tuple is an ordinary array. */
      static override get [Symbol.species](): ArrayConstructor {
        return Array;
      }
      constructor(...args: unknown[]) {
        const bound = define[typename]!(args as never) as Record<string, unknown>;
        super();
        for (const name of names) this.push(bound[name]);
        Object.freeze(this);
      }
      override toString(): string {
        return `${typename}(${names.map((name, index) => `${name}=${String(this[index])}`).join(', ')})`;
      }
    };
    Object.defineProperty(Tuple, 'name', { value: typename });
    names.forEach((name, index) => {
      Object.defineProperty(Tuple.prototype, name, {
        get(this: unknown[]) {
          return this[index];
        },
      });
    });
    return Tuple as never;
  };
}

// ── numbers and times ─────────────────────────────────────────────────────────────────────────────────

/** A whole number as the port has it: a number where that is exact, a bigint beyond. */
export function integer(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value;
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** The seconds since 1970 of a timestamp property. */
export function timestampSeconds(value: Date | bigint): number | bigint {
  return value instanceof Date ? Math.floor(value.getTime() / 1000) : integer(value);
}

/** Milliseconds of seconds, which may have a fraction; None (null) is for ever. @throws {TypeError | RangeError} */
export function milliseconds(seconds: number | null | undefined, name: string): number {
  if (seconds === null || seconds === undefined) return Number.POSITIVE_INFINITY;
  if (typeof seconds !== 'number') {
    throw wrongType(`${name} must be a number of seconds or null, got ${typeof seconds}`);
  }
  if (!(seconds >= 0)) throw outOfRange(`${name} must be 0 or more seconds, got ${seconds}`);
  return seconds * 1000;
}

// ── errors ────────────────────────────────────────────────────────────────────────────────────────────

/** The port of Python's KeyboardInterrupt: Ctrl-C during a call that blocks. `cause` is the InterruptedError. */
export class KeyboardInterrupt extends Error {
  /** As in Python: the name of the class. */
  override readonly name = 'KeyboardInterrupt';

  /** `options.cause` is the InterruptedError. */
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    fromCaller(this);
  }
}

/**
 * Run `fn`; an error of this client comes out as what `translate` makes of it, and Ctrl-C as
 * KeyboardInterrupt. Others pass: wrong arguments, and what callbacks throw.
 */
export function translating<T>(translate: (error: AmqpError) => Error, fn: () => T): T {
  try {
    return catching(fn);
  } catch (error) {
    if (error instanceof InterruptedError) throw new KeyboardInterrupt(error.message, { cause: error });
    throw error instanceof AmqpError ? translate(error) : error;
  }
}
