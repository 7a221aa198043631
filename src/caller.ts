/** More frames than any call of this library takes. */
const DEPTH = 60;

/**
 * What calls back into the library without being the program's own: `Array.map (<anonymous>)`, `node:internal/…`, and
 * OpenTelemetry, which runs batches and work in their contexts.
 */
const NATIVE = /\(<anonymous>\)$|[ (]node:\S+$|[\\/]node_modules[\\/]@opentelemetry[\\/]/;
/** A step of a generator, which belongs to the frame above it. */
const STEP = /\.(?:next|return|throw) \(<anonymous>\)$/;

/**
 * The frames of a stack that lie in this library; undefined when `file`, which is this one or that of the package which
 * has it, was put into another by a program's bundler: then nothing tells them from the program's.
 */
export function ownFrames(file: string): RegExp | undefined {
  const root = /^((?:[A-Za-z]:|\/)?.*?)(?:\/dist)?\/src\/(?:caller|shared\/[\w-]+)\.[jt]s$/.exec(
    slashes(file),
  )?.[1];
  if (root === undefined || !/^(?:[A-Za-z]:|\/|$)/.test(root)) return undefined;
  return new RegExp(`[ (/]${root.replace(/[^\w/]/g, '\\$&')}(?:/dist)?/(?:src|worker)/`);
}

const slashes = (path: string) => path.replaceAll('\\', '/');

const OWN = ownFrames(typeof __filename === 'string' ? __filename : '');

/** A stack without the frames it begins with as long as they are `own`; of the others the first `limit`. */
export function withoutOwn(stack: string, headerSize: number, own: RegExp, limit: number): string {
  const start = stack.indexOf('\n    at ', headerSize);
  if (start < 0) return stack;
  const frames = stack.slice(start + 1).split('\n');
  let first = 0;
  for (const [index, frame] of frames.entries()) {
    const isStep = index > 0 && first === index && STEP.test(frame);
    if (isStep || own.test(slashes(frame))) first = index + 1;
    else if (!NATIVE.test(frame)) break;
  }
  if (first === frames.length) first = 0;
  return [stack.slice(0, start), ...frames.slice(first, first + limit)].join('\n');
}

/**
 * Let the stack of an error begin where the program has called this library: now, however long ago the error was made.
 * `Error.stackTraceLimit` counts from there. It is put into words when somebody reads it; `text` stands in for the
 * message then.
 */
export function fromCaller<E extends Error>(error: E, text?: string): E {
  const { stackTraceLimit: limit } = Error;
  if (OWN === undefined || !(limit > 0)) return error;
  // whoever writes stacks (Node, source maps, a test runner) takes this for the error
  const trace: { stack?: unknown } = Object.create(
    error,
    text === undefined ? {} : { message: { value: text } },
  );
  if (!Reflect.set(Error, 'stackTraceLimit', limit + DEPTH)) return error;
  try {
    Error.captureStackTrace(trace, fromCaller);
  } finally {
    Error.stackTraceLimit = limit;
  }
  const write = (stack: unknown) => {
    Object.defineProperty(error, 'stack', {
      value: stack,
      writable: true,
      configurable: true,
      enumerable: false,
    });
  };
  Object.defineProperty(error, 'stack', {
    get() {
      const { stack } = trace;
      const header = Error.prototype.toString.call(trace);
      const headerSize = String(stack).startsWith(header) ? header.length : 0;
      write(typeof stack === 'string' ? withoutOwn(stack, headerSize, OWN, limit) : stack);
      return error.stack;
    },
    set: write,
    configurable: true,
    enumerable: false,
  });
  return error;
}

/** A TypeError for the program, which has given something wrong. */
export function wrongType(message: string, options?: ErrorOptions): TypeError {
  return fromCaller(new TypeError(message, options));
}

/** A RangeError for the program, which has given something wrong. */
export function outOfRange(message: string, options?: ErrorOptions): RangeError {
  return fromCaller(new RangeError(message, options));
}
