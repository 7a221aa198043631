/** What an object shows of itself, in `${object}` and in console.log. */
export abstract class Shown {
  /** As Python shows it. */
  abstract toString(): string;

  /** What console.log shows: `toString`. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** What a log in JSON shows: `toString`. */
  toJSON(): string {
    return this.toString();
  }
}

/** `<NAME(['field=value', …])>`, as pika shows its objects. */
export function shown(NAME: string, fields: readonly (readonly [name: string, value: unknown])[]): string {
  if (fields.length === 0) return `<${NAME}>`;
  const items = fields.map(([name, value]) => `${name}=${typeof value === 'string' ? value : repr(value)}`);
  return `<${NAME}(${repr(items.sort())})>`;
}

const CONSTANTS = new Map<unknown, string>([
  [null, 'None'],
  [undefined, 'None'],
  [true, 'True'],
  [false, 'False'],
]);

/** Python's repr of what a table may hold. */
function repr(value: unknown): string {
  if (CONSTANTS.has(value)) return CONSTANTS.get(value)!;
  if (typeof value === 'string') return quoted(value);
  if (value instanceof Uint8Array) return `b${quoted(Buffer.from(value).toString('latin1'))}`;
  if (value instanceof Shown) return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (typeof value !== 'object') return String(value);
  const entries = value instanceof Map ? [...value] : Object.entries(value as object);
  return `{${entries.map(([key, each]) => `${repr(key)}: ${repr(each)}`).join(', ')}}`;
}

function quoted(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  return mark + text.replace(/\\/g, '\\\\').replaceAll(mark, `\\${mark}`).replaceAll('\n', '\\n') + mark;
}
