/** docs/errors.md, and the table of warnings, against the sources: every class and every code has its place, and no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as library from '../../src';
import { closeRecord } from '../../src/contract/error-record';
import { channelErrorClass, type ErrorDetails } from '../../src/errors';
import { REPLY_CODES } from '../../src/protocol/constants';
import { readSources } from '../house/sources';
import { ROOT } from './page';

const text = readFileSync(join(ROOT, 'docs', 'errors.md'), 'utf8');
const rows = text.split('\n').filter((line) => /^\| /.test(line));

type ErrorClass = new (message: string, details: ErrorDetails & { [field: string]: unknown }) => AmqpError;
type AmqpError = library.AmqpError;
const classes = Object.entries(library).filter(
  ([, value]) => typeof value === 'function' && value.prototype instanceof Error,
) as [string, ErrorClass][];
const amqpErrors = classes.filter(
  ([, errorClass]) => errorClass === (library.AmqpError as unknown) || isAmqp(errorClass),
);

function isAmqp({ prototype }: ErrorClass): boolean {
  return prototype instanceof library.AmqpError;
}

const replyCodes = Object.keys(REPLY_CODES).map(Number);
/** Classes whose errors have the broker's code, and those that are only thrown with a code of their own. */
const otherwise = new Set<string>([
  ...replyCodes.flatMap((code) => [channelErrorClass(code).name, closeRecord(code, '', undefined).name]),
  ...['AmqpError', 'ProtocolError', 'UnroutableError'],
]);

function codes(): Set<string> {
  const found = new Set<string>(Object.values(REPLY_CODES).map(({ code }) => code));
  found.delete('REPLY_SUCCESS');
  found.add('CONNECTION_CLOSED');
  for (const [name, errorClass] of amqpErrors)
    if (!otherwise.has(name)) found.add(new errorClass('', { bodySize: 0, consumerTag: '' }).code);
  for (const { file, text: source } of readSources('src', 'worker/connection')) {
    if (/^src\/(compat|broker|embedded|protocol)\//.test(file)) continue;
    const named = /\bcode: '([A-Z_]+)'|return '(VHOST_[A-Z_]+)'|interrupted\('.*?', '([A-Z_]+)'\)/g;
    for (const [, ...names] of source.matchAll(named)) found.add(names.find((name) => name !== undefined)!);
  }
  return new Set([...found].filter((code) => !code.startsWith('AMQP_SYNC_')));
}

test('every class of errors that a program can import has a row', () => {
  expect(amqpErrors.length).toBeGreaterThan(35);
  expect(
    amqpErrors.map(([name]) => name).filter((name) => !rows.some((row) => row.startsWith(`| \`${name}\` |`))),
  ).toEqual([]);
});

test('every code stands in a row, and every code of a row is one', () => {
  const known = codes();
  expect(known.size).toBeGreaterThan(50);
  const shown = new Set(rows.flatMap((row) => row.match(/(?<=`)[A-Z]+(?:_[A-Z]+)*(?=`)/g) ?? []));
  shown.delete('ECONNREFUSED'); // of the system's
  expect([...known].filter((code) => !shown.has(code))).toEqual([]);
  expect([...shown].filter((code) => !known.has(code))).toEqual([]);
});

test('every field of an error is told', () => {
  const error = new library.AmqpError('', {
    ...{ code: 'X', replyCode: 1, replyText: 'x', method: 'x', outcome: 'unknown', cause: 1 },
  });
  const fields = Object.getOwnPropertyNames(error).filter(
    (name) => !['stack', 'message', 'name'].includes(name),
  );
  expect(fields.filter((field) => !text.includes(`\`${field}\``))).toEqual([]);
});

test('every process warning is in docs/signals-and-exit.md, every variable of the environment in docs/debugging.md', () => {
  const page = ['signals-and-exit.md', 'debugging.md']
    .map((name) => readFileSync(join(ROOT, 'docs', name), 'utf8'))
    .join();
  const warnings = readSources('src').flatMap(({ text: source }) => source.match(/AMQP_SYNC_[A-Z_]+/g) ?? []);
  expect(new Set(warnings).size).toBeGreaterThan(7);
  expect(warnings.filter((code) => !new RegExp(`\`${code}\\b`).test(page))).toEqual([]);
});
