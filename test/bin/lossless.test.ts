/** A message that goes through other JSON tools is the same, byte for byte. */
import { spawnSync } from 'node:child_process';
import type { TypedTable } from '../../src';
import { typed } from '../../src';
import { channel, useChannel } from '../support/channel';
import { sharedQueue } from '../support/connect';
import { out } from '../support/programs/cli';

useChannel();

const LATIN1 = Buffer.from('gr\xfcn', 'latin1');
/** A text that stands for bytes that are not UTF-8. */
const escaped = `gr${String.fromCharCode(0xdc00 + 0xfc)}n`;

const HEADERS = new Map<string, unknown>([
  ['text', 'gr\u00fcn \ufffd \u0000 \u009b31m \u202e'],
  ['latin1', typed.string(LATIN1)],
  ['nested', new Map([['array', [typed.string(Buffer.of(0xff, 0xfe)), 'x']]])],
  ['10', typed.int64(-(2n ** 62n))],
  ['2', typed.double(3)],
  [escaped, new Map([[escaped, null]])],
  ['numbers', new Map([...'ba1'].map((key) => [key, typed.int16(1)]))],
  ['tagged', new Map([['$string', 'x']])],
  ['__proto__', 1e21],
  ['array', new Map([['$table', []]])],
]);

const TOOLS: readonly (readonly [name: string, file: string, args: readonly string[]])[] = [
  ['none', 'cat', []],
  ['node', process.execPath, ['-e', 'console.log(JSON.stringify(JSON.parse(fs.readFileSync(0))))']],
  ['Python', 'python3', ['-c', 'import json, sys; print(json.dumps(json.load(sys.stdin)))']],
  [
    'Python, not escaped',
    'python3',
    ['-c', 'import json, sys; print(json.dumps(json.load(sys.stdin), ensure_ascii=False))'],
  ],
  ['jq', 'jq', ['-c', '.']],
];

/** Tables with the order of their keys. */
function listed(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(([key, item]) => [key, listed(item)]);
  return Array.isArray(value) ? value.map(listed) : value;
}

it.each(TOOLS.filter(([, file]) => spawnSync(file, ['--version']).error === undefined))(
  'a message printed as JSON is published again as it was, by way of %s',
  (_name, file, args) => {
    const [from, to] = [sharedQueue(channel), sharedQueue(channel)];
    channel.basicPublish(Buffer.of(0xff, 0), {
      routingKey: from,
      headers: HEADERS as TypedTable,
      contentType: escaped,
      correlationId: '\u0085',
      timestamp: 2n ** 60n,
      messageId: escaped,
    });
    const json = out(['get', from, '--settle', 'requeue', '--json']);
    const { stdout } = spawnSync(file, args, { input: json });
    out(['publish', '--json', '-r', to], { input: stdout });
    const [wanted, got] = [from, to].map((queue) => channel.basicGet(queue, { noAck: true })!);
    expect(listed(got!.typedHeaders)).toEqual(listed(wanted!.typedHeaders));
    expect([...got!.typedHeaders!.keys()]).toContain(escaped);
    const { headers: _, ...others } = wanted!.properties;
    expect(got).toMatchObject({ body: wanted!.body, properties: others });
    expect(others.contentType).toBe(escaped);
    for (const queue of [from, to]) channel.queueDelete(queue);
  },
);
