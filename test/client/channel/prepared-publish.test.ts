import fc from 'fast-check';
import { mapMemory } from '../../../src/bridge/layout';
import { Link } from '../../../src/bridge/link';
import { PreparedPublish, PreparedPublishes } from '../../../src/client/channel/prepared-publish';
import { writePrepared, writePublish } from '../../../src/client/channel/publish-writer';
import { type Settlement, settlementBits, writeSettlement } from '../../../src/client/channel/settle-writer';
import { Pump } from '../../../src/client/pump';
import { encodeMethod } from '../../../src/protocol/codec';
import { check, properties, shortText, text } from '../../protocol/arbitrary';
import { written } from '../../protocol/bytes';
import { CEILING, open, privateQueue, takeAll } from '../../support/connect';

/** What is written by hand because it is written for every message: the same bytes as by the table. */
const MIB = 1 << 20;
const CHANNEL = {
  id: 258,
  isOpen: true,
  interruptions: 1,
  checkOpen: () => {},
};
const onIt = (pump: Pump) => ({
  ...CHANNEL,
  host: { pump, recovery: { currentAddress: <O>(options: O): O => options } },
});

/** A ring that nobody empties, and what was written into it. */
function rig() {
  const link = new Link(MIB, false, 1000);
  jest.spyOn(link, 'send').mockImplementation(() => {});
  const pump = new Pump(link, { route: () => {}, died: () => {}, report: (error) => error });
  pump.frameMax = 8192;
  const { outbound } = mapMemory(link.memory);
  /** The bytes that `write` puts into the ring. */
  const bytesOf = (write: () => unknown) => {
    const before = link.outbound.head;
    write();
    return Buffer.from(outbound.subarray(before, link.outbound.head));
  };
  return { pump, bytesOf };
}

describe('a publish with known options', () => {
  const address = fc.record(
    { exchange: shortText(), routingKey: shortText(), mandatory: fc.boolean() },
    { requiredKeys: [] },
  );
  const bodies = fc.oneof(fc.uint8Array({ maxLength: 300 }), text(100));

  test('gives the bytes of one with new ones, whatever the body', () => {
    check(
      fc.property(
        address,
        properties(),
        fc.array(bodies, { minLength: 1, maxLength: 4 }),
        (where, what, each) => {
          const { pump, bytesOf } = rig();
          const options = { ...where, ...what };
          let prepared: PreparedPublish | undefined;
          for (const body of each) {
            const bytes = typeof body === 'string' ? Buffer.from(body) : body;
            const keep = (frames: Uint8Array, headerAt: number) => {
              prepared = new PreparedPublish(options, typeof body === 'string', frames, headerAt, CHANNEL.id);
            };
            const long = bytesOf(() =>
              writePublish(
                onIt(pump),
                { address: options, properties: options, body: bytes },
                performance.now() + CEILING,
                keep,
              ),
            );
            const short = bytesOf(() => expect(writePrepared(pump, prepared!, body)).toBe(true));
            expect(short.equals(long)).toBe(true);
          }
        },
      ),
      300,
    );
  });

  test('that needs several frames, or more room than there is, goes the long way', () => {
    const { pump } = rig();
    let prepared: PreparedPublish | undefined;
    const keep = (frames: Uint8Array, headerAt: number) => {
      prepared = new PreparedPublish({}, false, frames, headerAt, CHANNEL.id);
    };
    const publication = { address: {}, properties: {}, body: Buffer.alloc(1) };
    writePublish(onIt(pump), publication, performance.now() + CEILING, keep);
    expect(writePrepared(pump, prepared!, Buffer.alloc(8184))).toBe(true);
    expect(writePrepared(pump, prepared!, Buffer.alloc(8185))).toBe(false);
    expect(writePrepared(pump, prepared!, 'x'.repeat(2729))).toBe(false);
    while (writePrepared(pump, prepared!, Buffer.alloc(8000)));
    const full = pump.link.outbound.head;
    expect(writePrepared(pump, prepared!, Buffer.alloc(8000))).toBe(false);
    expect(pump.link.outbound.head).toBe(full);
  });
});

describe('options are known', () => {
  const made = (options: object, isText = false) =>
    new PreparedPublish(options, isText, Buffer.alloc(20), 5, 1);
  const given = { routingKey: 'k', deliveryMode: 2 };

  test.each<[string, object, boolean, boolean]>([
    ['the same object', given, false, true],
    ['another with the same', { routingKey: 'k', deliveryMode: 2 }, false, true],
    ['another order', { deliveryMode: 2, routingKey: 'k' }, false, false],
    ['another value', { routingKey: 'k', deliveryMode: 1 }, false, false],
    ['a string for a number', { routingKey: 'k', deliveryMode: '2' }, false, false],
    ['one less', { routingKey: 'k' }, false, false],
    ['one more', { ...given, priority: 1 }, false, false],
    ['inherited', Object.create(given), false, false],
    ['inherited beside its own', Object.assign(Object.create({ type: 't' }), given), false, false],
    ['for text', given, true, false],
  ])('if they fit: %s', (_, options, isText, fits) => {
    expect(made(given).fits(options, isText)).toBe(fits);
  });

  test('options with something in them that can change are not known', () => {
    const prepared = new PreparedPublishes();
    expect(prepared.wanted(given)).toBe(true);
    for (const value of [{}, [], new Date(), Buffer.alloc(1)])
      expect(prepared.wanted({ headers: value })).toBe(false);
    expect(prepared.wanted(Object.create(given))).toBe(false);
  });

  test('of several that take turns; of very many, few are kept', () => {
    const prepared = new PreparedPublishes();
    const keys = Array.from({ length: 8 }, (_, index) => ({ routingKey: `k${index}` }));
    for (const key of keys) prepared.keep(made(key));
    for (const key of [...keys, ...keys]) expect(prepared.find({ ...key }, false)).toBeDefined();
    let kept = 0;
    for (let each = 0; each < 1000; each++) {
      expect(prepared.find({ routingKey: `other${each}` }, false)).toBeUndefined();
      if (prepared.wanted({ routingKey: `other${each}` })) kept++;
    }
    expect(kept).toBeLessThan(60);
    expect(kept).toBeGreaterThan(32);
  });

  test('end to end: the caller changes options and body between two calls', () => {
    const channel = open().channel();
    const [one, two] = [privateQueue(channel), privateQueue(channel)];
    const options = { routingKey: one, headers: { n: 0 } as { n: number } | undefined, type: 'a' };
    const body = Buffer.from('first');
    for (let round = 0; round < 3; round++) channel.basicPublish(body, options);
    body.write('other');
    options.type = 'b';
    channel.basicPublish(body, options);
    options.routingKey = two;
    options.headers!.n = 7;
    channel.basicPublish(body, options);
    channel.basicPublish('größe', { routingKey: two });
    channel.basicPublish('größe', { routingKey: two });
    channel.basicPublish('', { routingKey: two });
    expect(takeAll(channel, one)).toEqual(['first', 'first', 'first', 'other']);
    const last = channel.basicGet(two, { noAck: true })!;
    expect(last.properties).toMatchObject({ type: 'b', headers: { n: 7 } });
    expect(takeAll(channel, two)).toEqual(['größe', 'größe', '']);
  });
});

describe('what settles a delivery', () => {
  const cases: [Settlement, object][] = [
    ['basic.ack', {}],
    ['basic.ack', { multiple: true }],
    ['basic.nack', { requeue: true }],
    ['basic.nack', { requeue: false, multiple: true }],
    ['basic.nack', { requeue: true, multiple: true }],
    ['basic.reject', { requeue: true }],
    ['basic.reject', { requeue: false }],
  ];

  test.each(cases)('is written by hand as the table has it: %s %p', (method, how) => {
    const { pump, bytesOf } = rig();
    for (const deliveryTag of [0, 1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const bits = settlementBits(method, how)!;
      const bytes = bytesOf(() =>
        expect(writeSettlement(pump, CHANNEL.id, method, deliveryTag, bits, true)).toBe(true),
      );
      const table = written((writer) => encodeMethod(writer, CHANNEL.id, method, { deliveryTag, ...how }));
      expect(bytes.equals(table)).toBe(true);
    }
  });

  test('what is no boolean goes the long way, where it is refused', () => {
    expect(settlementBits('basic.nack', { requeue: 1 as never })).toBeUndefined();
    const channel = open().channel();
    const queue = privateQueue(channel, 'x');
    const message = channel.basicGet(queue)!;
    expect(() => message.nack({ requeue: 'no' as never })).toThrow(TypeError);
    message.ack();
  });

  test('without room nothing is written', () => {
    const { pump } = rig();
    pump.link.outbound.hasRoom = () => false;
    expect(writeSettlement(pump, 1, 'basic.ack', 1, 0, true)).toBe(false);
    expect(pump.link.outbound.head).toBe(0);
  });
});
