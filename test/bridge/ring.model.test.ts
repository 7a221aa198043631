import { strictEqual } from 'node:assert';
import fc from 'fast-check';
import { createMemory, mapMemory, WORD } from '../../src/bridge/layout';
import { RingConsumer, RingProducer } from '../../src/bridge/ring';

/** One move of the producer or the consumer; `wish` is cut down to what is allowed at that moment. */
interface Move {
  kind: 'claim' | 'write' | 'writable' | 'publish' | 'view' | 'readable';
  wish: number;
}

const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom('claim', 'write', 'writable', 'publish', 'view', 'readable'),
  wish: fc.nat(70),
});

/** What a ring is: a list of bytes, of which the first `visible` are published. */
class Model {
  readonly bytes: number[] = [];
  visible = 0;
  #next = 0;

  /** Bytes that never repeat within a ring, so that a misplaced one is noticed. */
  fresh(size: number): Buffer {
    const bytes = Buffer.alloc(size);
    for (let i = 0; i < size; i++) bytes[i] = this.#next++ % 251;
    return bytes;
  }

  append(bytes: Buffer): void {
    this.bytes.push(...bytes);
  }

  take(size: number): number[] {
    this.visible -= size;
    return this.bytes.splice(0, size);
  }
}

/** The real ring and the model make the same move and must agree on everything that can be asked. */
class Match {
  readonly model = new Model();
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;

  constructor(
    readonly capacity: number,
    start: number,
  ) {
    const { words, inbound } = mapMemory(createMemory(capacity, start));
    this.producer = new RingProducer(inbound, words, WORD.IN_HEAD, WORD.IN_TAIL);
    this.consumer = new RingConsumer(inbound, words, WORD.IN_HEAD, WORD.IN_TAIL);
  }

  play({ kind, wish }: Move): void {
    const room = this.capacity - this.model.bytes.length;
    strictEqual(this.producer.hasRoom(wish), wish <= room);
    this[kind](Math.min(wish, room), Math.min(wish, this.model.visible));
    strictEqual(this.producer.room(), this.capacity - this.model.bytes.length);
    strictEqual(this.consumer.available(), this.model.visible);
  }

  claim(room: number): void {
    const { producer, model } = this;
    producer.claim(room);
    const size = Math.ceil(room / 2); // encoders claim the most they may need
    const bytes = model.fresh(size);
    bytes.copy(producer.buffer, producer.offset);
    producer.commit(size);
    model.append(bytes);
  }

  write(room: number): void {
    const bytes = this.model.fresh(room);
    this.producer.write(bytes, 0, room);
    this.model.append(bytes);
  }

  writable(room: number): void {
    const target = this.producer.writable();
    strictEqual(target.length > 0, this.model.bytes.length < this.capacity);
    const bytes = this.model.fresh(Math.min(room, target.length));
    bytes.copy(target);
    this.producer.advance(bytes.length);
    this.model.append(bytes);
  }

  publish(room: number): void {
    // the boundary of a frame may lie before the head
    const hidden = Math.min(room, this.model.bytes.length - this.model.visible);
    this.producer.publish((this.producer.head - hidden) >>> 0);
    this.model.visible = this.model.bytes.length - hidden;
  }

  view(_room: number, size: number): void {
    const { consumer } = this;
    consumer.view(size);
    expect([...consumer.buffer.subarray(consumer.offset, consumer.offset + size)]).toEqual(
      this.model.take(size),
    );
    consumer.release(size);
  }

  readable(_room: number, skip: number): void {
    const piece = this.consumer.readable(skip);
    expect([...piece]).toEqual(this.model.bytes.slice(skip, skip + piece.length));
    const first = this.consumer.readable();
    strictEqual(first.length > 0, this.model.visible > 0);
    expect([...first]).toEqual(this.model.take(first.length));
    this.consumer.release(first.length);
  }
}

test('a ring behaves like a list of bytes, whatever the two ends do', () => {
  const capacity = fc.constantFrom(1, 2, 8, 64);
  const start = fc.oneof(
    fc.nat(64),
    ...[2 ** 31, 2 ** 32].map((turn) => fc.nat(200).map((less) => turn - less)),
  );
  fc.assert(
    fc.property(capacity, start, fc.array(move, { maxLength: 200 }), (size, first, moves) => {
      const match = new Match(size, first);
      for (const each of moves) match.play(each);
    }),
    { numRuns: 1000 },
  );
});
