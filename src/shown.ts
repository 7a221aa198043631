const INSPECT = Symbol.for('nodejs.util.inspect.custom');
/** Characters of a body that a log needs in order to recognize it. */
const LONGEST = 60;
/** Characters of any other text. */
const LONGEST_TEXT = 1000;

type Inspect = (value: unknown, options: object) => string;

/**
 * What objects of a class are in a log: `JSON.stringify` and `console.log` show what `describe` says, and nothing of
 * what is beneath. It may name other objects by their names and numbers only, so nothing goes in circles.
 */
export function showAs<T extends object>(
  { prototype, name }: { prototype: T; name: string },
  describe: (object: T) => object,
): void {
  const methods = {
    toJSON(this: T): unknown {
      return plain(describe(this));
    },
    [INSPECT](this: T, depth: number, options: object, inspect: Inspect): string {
      const title = this.constructor?.name || name;
      return depth < 0 ? `[${title}]` : `${title} ${inspect(describe(this), options)}`;
    },
  };
  for (const key of Reflect.ownKeys(methods)) {
    const value = methods[key as keyof typeof methods];
    Object.defineProperty(prototype, key, { value, writable: true, configurable: true, enumerable: false });
  }
}

/** The beginning of a body, as text if it is text. */
export function shortened(body: Uint8Array | string): string {
  if (typeof body === 'string') return cut(body);
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, 4 * LONGEST)).toString(
    'utf8',
  );
  // the last character may have been cut in two
  const isText = !/[^\P{Cc}\s]|\ufffd/u.test(body.byteLength > 4 * LONGEST ? text.slice(0, -1) : text);
  return isText ? cut(text) : `${body.byteLength} bytes`;
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** What JSON has no way to write, as text: a log must not fail over a header, nor drown in one. */
function plain(value: unknown): unknown {
  if (typeof value === 'string' && value.length > LONGEST_TEXT) return `${value.slice(0, LONGEST_TEXT)}…`;
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return shortened(value);
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(plain);
  if (
    typeof value !== 'object' ||
    value === null ||
    typeof (value as { toJSON?: unknown }).toJSON === 'function'
  )
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

/** An error for a log: name, message, what else it says, and of its cause the name and the message. */
export function errorInShort(error: Error): object {
  const { name, message, cause } = error;
  const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return plain({
    ...({ name, message } as object),
    ...error,
    ...(cause !== undefined && { cause: reason }),
  }) as object;
}
