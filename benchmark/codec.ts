import { closeFrame, decodeMethod, encodeMethod, openFrame } from '../src/protocol/codec';
import { FRAME } from '../src/protocol/constants';
import { decodeTable, encodeTable } from '../src/protocol/field-table';
import { decodeContentHeader, encodeContentHeader } from '../src/protocol/properties';
import { Reader, Writer } from '../src/protocol/wire';
import { median, short } from './statistics';
import { aligned } from './table';

/** How long one part is repeated in one pass, milliseconds, and how many passes there are. */
const PASS = 60;
const PASSES = 7;

const SMALL = { 'x-death': 3, source: 'sensor-17' };
const LARGE = {
  id: 123_456,
  ratio: 0.75,
  at: new Date(1_700_000_000_000),
  text: 'a header of ordinary length',
  flags: [true, false, true],
  nested: { depth: 1, inner: { depth: 2, name: 'bottom' } },
};
const ROUTED = { exchange: 'events', routingKey: 'sensors.17.temperature' };
const PROPERTIES = { deliveryMode: 2, contentType: 'application/json', messageId: '0123456789abcdef' };
const DELIVERY = {
  ...ROUTED,
  consumerTag: 'amq.ctag-abcdefghijklmnop',
  deliveryTag: 12_345,
  redelivered: false,
};

/** What one message costs in the codec, part by part. */
export async function codec(): Promise<number> {
  const parts = Object.entries(partsOfCodec());
  const passes = new Map<string, number[]>(parts.map(([name]) => [name, []]));
  for (const [, once] of parts) timed(once); // warm, and call sites as mixed as in real life
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [name, once] of parts) passes.get(name)!.push(timed(once));
  }
  const rows = parts.map(([name]) => {
    const nanoseconds = median(passes.get(name)!);
    return [name, short(nanoseconds), short(1e9 / nanoseconds)];
  });
  console.log(aligned([['', 'ns', 'per second'], ...rows]));
  return 0;
}

function partsOfCodec(): Record<string, () => unknown> {
  const memory = Buffer.alloc(4096);
  const writer = new Writer();
  const written = (write: (writer: Writer) => void): Buffer => {
    writer.target(memory, 0, memory.length);
    write(writer);
    return memory.subarray(0, writer.pos);
  };
  const writing = (write: (writer: Writer) => void) => () => written(write).length;
  /** The payload of the frame that `write` makes. */
  const payload = (write: (writer: Writer) => void) => Buffer.from(written(write).subarray(7, -1));
  const header = (properties: object) => (into: Writer) => {
    const start = openFrame(into, FRAME.HEADER, 1);
    encodeContentHeader(into, 1024, properties);
    closeFrame(into, start);
  };
  const publish = (into: Writer) => encodeMethod(into, 1, 'basic.publish', ROUTED);
  const reading = (bytes: Buffer, read: (reader: Reader) => unknown) => () => read(new Reader(bytes));

  const delivery = payload((into) => encodeMethod(into, 1, 'basic.deliver', DELIVERY));
  const plain = payload(header(PROPERTIES));
  const withHeaders = payload(header({ ...PROPERTIES, headers: SMALL }));
  const table = (value: object) => Buffer.from(written((into) => encodeTable(into, value)));
  return {
    'encode basic.publish': writing(publish),
    'encode header, 1 property': writing(header({ deliveryMode: 1 })),
    'encode header, 3 properties': writing(header(PROPERTIES)),
    'encode publish head (both)': writing((into) => {
      publish(into);
      header(PROPERTIES)(into);
    }),
    'encode basic.ack': writing((into) => encodeMethod(into, 1, 'basic.ack', { deliveryTag: 12_345 })),
    'encode table, 2 entries': writing((into) => encodeTable(into, SMALL)),
    'encode table, 6 entries, nested': writing((into) => encodeTable(into, LARGE)),
    'decode basic.deliver': reading(delivery, decodeMethod),
    'decode header, 3 properties': reading(plain, decodeContentHeader),
    'decode header with a small table': reading(withHeaders, decodeContentHeader),
    'decode table, 2 entries': reading(table(SMALL), decodeTable),
    'decode table, 6 entries, nested': reading(table(LARGE), decodeTable),
  };
}

/** Nanoseconds of one call. */
function timed(once: () => unknown): number {
  let calls = 0;
  const begin = performance.now();
  let now = begin;
  while (now - begin < PASS) {
    for (let index = 0; index < 500; index++) once();
    calls += 500;
    now = performance.now();
  }
  return ((now - begin) * 1e6) / calls;
}
