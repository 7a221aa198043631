/**
 * Imports a CSV file into a queue, a message for each record: `npx ts-node examples/import-csv.ts orders.csv orders`.
 * Memory stays flat, however long the file is. Each record is confirmed; what failed is named by its line, and then the
 * exit code is 1.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { connect, Message } from '../src';

const LONGEST_RECORD = 1_000_000; // characters: what is longer has a quote too many
const [file, name] = process.argv.slice(2);
if (file === undefined || name === undefined) {
  console.error('usage: import-csv.ts FILE QUEUE');
  process.exit(2);
}
let failed = 0;

function fail(line: number, why: string): void {
  failed++;
  console.error(`line ${line}: ${why}`);
}

/** The lines of the file, which is read in pieces. */
function* linesOf(path: string): Generator<string> {
  const descriptor = openSync(path, 'r');
  try {
    const piece = Buffer.alloc(65_536);
    const decoder = new StringDecoder('utf8'); // a character may lie in two pieces
    let rest = '';
    for (let size = readSync(descriptor, piece); size > 0; size = readSync(descriptor, piece)) {
      const lines = (rest + decoder.write(piece.subarray(0, size))).split(/\r?\n/);
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== '') yield rest;
  } finally {
    closeSync(descriptor);
  }
}

/** The fields of a record. A field in quotes may have commas, line breaks, and quotes that are doubled. */
function fieldsOf(record: string): string[] {
  const fields = `${record},`.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*)),/g);
  return Array.from(fields, ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!);
}

/** The records of the file, each with its first line. */
function* recordsOf(path: string): Generator<[line: number, record: string]> {
  let [number, begin, record, isQuoted] = [0, 1, '', false];
  for (const line of linesOf(path)) {
    number++;
    record += line;
    if (line.split('"').length % 2 === 0) isQuoted = !isQuoted;
    if (isQuoted && record.length < LONGEST_RECORD) {
      record += '\n'; // it goes on in the next line
      continue;
    }
    if (isQuoted) fail(begin, 'a quote is not closed');
    else if (record !== '') yield [begin, record];
    [begin, record, isQuoted] = [number + 1, '', false];
  }
  if (isQuoted) fail(begin, 'a quote is not closed');
}

/** Lines of the messages that are on their way. */
const underWay: number[] = [];
let isRead = false;

function* messagesOf(path: string): Generator<Message> {
  let names: string[] | undefined;
  for (const [line, record] of recordsOf(path)) {
    const fields = fieldsOf(record);
    if (names === undefined) names = fields;
    else if (fields.length !== names.length)
      fail(line, `${names.length} fields are expected, got ${fields.length}`);
    else {
      underWay.push(line);
      yield Message.json(Object.fromEntries(names.map((name, index) => [name, fields[index]])));
    }
  }
  isRead = true; // not reached if the connection is lost: then nothing more is asked for
}

const connection = connect();
const queue = connection.channel().getQueue(name); // a NotFoundError if there is none
let confirmed = 0;
queue.publishBatch(messagesOf(file), {
  onResult({ status, error }) {
    const line = underWay.shift()!; // results come in the order of the messages
    if (status !== 'acked') fail(line, `${status}: ${error!.message}`);
    else if (++confirmed % 10_000 === 0) console.error(`${confirmed} confirmed, at line ${line}`);
  },
});
connection.close();
console.log(`${confirmed} confirmed, ${failed} failed${isRead ? '' : ', the rest was not read'}`);
process.exitCode = failed === 0 ? 0 : 1;
