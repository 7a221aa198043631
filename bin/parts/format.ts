import { InvalidArgumentError } from 'commander';
import type { IncomingMessage } from '../../src/index';
import { FIELD_NAMES, type Field, fieldOf, octetsOfField } from './message-fields';

/** The letters of kcat where it has one. */
const LETTERS: Readonly<Record<string, string>> = {
  s: 'body',
  S: 'size',
  k: 'key',
  h: 'headers',
  T: 'timestamp',
  o: 'headers.x-stream-offset',
  e: 'exchange',
  p: 'properties',
  d: 'deliveryTag',
  r: 'redelivered',
};

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0', '\\': '\\' };

/** What `--format` takes, in words for the help. */
export const FORMAT_NOTE = `A --format has %s body, %S its size, %k routing key, %h headers, %T timestamp and %o offset in a stream,
as kcat has, %e exchange, %p properties, %d delivery tag, %r redelivered, %{headers.NAME} one header,
%{messageId} or another property, %% a percent sign; and \\n \\t \\r \\0 \\\\ \\xNN. Nothing is added,
and what a message has not is empty.`;

export type Formatter = (message: IncomingMessage) => Buffer;

type Part = Buffer | Field;

/** Read a format. @throws {InvalidArgumentError} it has a placeholder or an escape that there is not */
export function formatter(format: string): Formatter {
  const parts = Array.from(
    format.matchAll(/%(?:\{[^}]*\}|.|$)|\\(?:x[\da-f]{2}|.|$)|[^%\\]+/gis),
    ([text]): Part =>
      text.startsWith('%') ? placeholder(text) : text.startsWith('\\') ? escaped(text) : Buffer.from(text),
  );
  return (message) =>
    Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : octetsOfField(part(message)))));
}

function placeholder(text: string): Part {
  if (text === '%%') return Buffer.from('%');
  const field = text.startsWith('%{') ? fieldOf(text.slice(2, -1)) : fieldOf(LETTERS[text.slice(1)] ?? '');
  if (field !== undefined) return field;
  const letters = Object.keys(LETTERS).map((letter) => `%${letter}`);
  throw new InvalidArgumentError(
    text.startsWith('%{')
      ? `There is no field for ${text}: one is ${FIELD_NAMES}.`
      : `There is no ${text}: it may have ${letters.join(' ')} %{field} and %%.`,
  );
}

function escaped(text: string): Buffer {
  const code = /^\\x(..)$/is.exec(text)?.[1];
  if (code !== undefined) return Buffer.of(Number.parseInt(code, 16));
  const sign = ESCAPES[text.slice(1)];
  if (sign !== undefined) return Buffer.from(sign);
  throw new InvalidArgumentError(`There is no ${text}: it may have \\n \\t \\r \\0 \\\\ and \\xNN.`);
}
