import { strictEqual } from 'node:assert';
import { createMemory, mapMemory, WORD } from '../../src/bridge/layout';
import { RingConsumer, RingProducer } from '../../src/bridge/ring';

/** Small enough to try every offset with every size. */
const CAPACITY = 64;

interface Ring {
  producer: RingProducer;
  consumer: RingConsumer;
  /** The ring's own memory. */
  bytes: Buffer;
}

/** Both ends of one ring, in one thread. `start` is the count both ends begin with. */
function ring(capacity = CAPACITY, start = 0): Ring {
  const { words, outbound: bytes } = mapMemory(createMemory(capacity, start));
  return {
    producer: new RingProducer(bytes, words, WORD.OUT_HEAD, WORD.OUT_TAIL),
    consumer: new RingConsumer(bytes, words, WORD.OUT_HEAD, WORD.OUT_TAIL),
    bytes,
  };
}

/** `size` bytes that tell where they belong; none is 0. */
function sample(size: number, first = 1): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, i) => ((first + i) % 255) + 1));
}

/** Write through `claim`, as encoders do. */
function put(producer: RingProducer, bytes: Buffer): void {
  producer.claim(bytes.length);
  bytes.copy(producer.buffer, producer.offset);
  producer.commit(bytes.length);
  producer.publish();
}

/** Read through `view`, as decoders do. */
function take(consumer: RingConsumer, size: number): Buffer {
  consumer.view(size);
  const bytes = Buffer.from(consumer.buffer.subarray(consumer.offset, consumer.offset + size));
  consumer.release(size);
  return bytes;
}

/** Read through `readable`, as a socket does: one piece, or two where the ring wraps. */
function drain(consumer: RingConsumer): Buffer {
  const size = consumer.available();
  const first = consumer.readable();
  const second = consumer.readable(first.length);
  const bytes = Buffer.concat([first, second.subarray(0, size - first.length)]);
  consumer.release(size);
  return bytes;
}

/** Every offset in the ring with every size that fits it. */
function everywhere(check: (fresh: Ring, offset: number, size: number) => void): void {
  for (let offset = 0; offset < CAPACITY; offset++)
    for (let size = 0; size <= CAPACITY; size++) check(ring(CAPACITY, offset), offset, size);
}

describe('at every offset, with every size,', () => {
  test('what was encoded in one piece is decoded in one piece', () => {
    everywhere(({ producer, consumer }, offset, size) => {
      put(producer, sample(size, offset));
      strictEqual(consumer.available(), size);
      strictEqual(take(consumer, size).equals(sample(size, offset)), true);
      strictEqual(consumer.available(), 0);
    });
  });

  test('pieces lie in the ring itself unless its end would cut them', () => {
    everywhere(({ producer, consumer, bytes }, offset, size) => {
      const cut = offset + size > CAPACITY;
      producer.claim(size);
      strictEqual(producer.buffer === bytes, !cut);
      strictEqual(producer.offset, cut ? 0 : offset);
      expect(producer.buffer.length - producer.offset).toBeGreaterThanOrEqual(size);
      producer.commit(size);
      producer.publish();
      consumer.view(size);
      strictEqual(consumer.buffer === bytes, !cut);
      strictEqual(consumer.offset, cut ? 0 : offset);
    });
  });

  test('a claim may be committed in part: only that part counts', () => {
    everywhere(({ producer, consumer }, _offset, size) => {
      const part = Math.floor(size / 2);
      producer.claim(size);
      sample(size).copy(producer.buffer, producer.offset);
      producer.commit(part);
      put(producer, sample(CAPACITY - part, 100));
      strictEqual(take(consumer, part).equals(sample(part)), true);
      strictEqual(take(consumer, CAPACITY - part).equals(sample(CAPACITY - part, 100)), true);
    });
  });

  test('write takes a range of its source', () => {
    const source = sample(CAPACITY + 20);
    everywhere(({ producer, consumer }, _offset, size) => {
      producer.write(source, 10, 10 + size);
      producer.publish();
      strictEqual(take(consumer, size).equals(source.subarray(10, 10 + size)), true);
    });
  });

  test('write leaves bytes that have not been read alone', () => {
    everywhere(({ producer, consumer }, _offset, size) => {
      put(producer, sample(CAPACITY - size));
      producer.write(sample(size, 100), 0, size);
      producer.publish();
      strictEqual(take(consumer, CAPACITY - size).equals(sample(CAPACITY - size)), true);
      strictEqual(take(consumer, size).equals(sample(size, 100)), true);
    });
  });

  test('writable and readable give the stretch up to the end of the ring, then the rest', () => {
    everywhere(({ producer, consumer, bytes }, offset, size) => {
      const first = Math.min(size, CAPACITY - offset);
      const stream = sample(size, offset);

      const target = producer.writable();
      strictEqual(target.buffer, bytes.buffer);
      strictEqual(target.length, CAPACITY - offset);
      stream.copy(target, 0, 0, first);
      producer.advance(first);
      strictEqual(producer.writable().length, first < CAPACITY - offset ? CAPACITY - offset - first : offset);
      stream.copy(producer.writable(), 0, first);
      producer.advance(size - first);
      producer.publish();

      strictEqual(consumer.readable().buffer, bytes.buffer);
      strictEqual(consumer.readable().equals(stream.subarray(0, first)), true);
      strictEqual(consumer.readable(first).equals(stream.subarray(first)), true);
      strictEqual(consumer.readable(size).length, 0);
      const wrong = [...stream.subarray(0, first).keys()].filter(
        (skip) => !consumer.readable(skip).equals(stream.subarray(skip, first)),
      );
      expect(wrong).toEqual([]);
      strictEqual(drain(consumer).equals(stream), true);
    });
  });
});

describe('what the other end sees', () => {
  test('nothing before publish', () => {
    const { producer, consumer } = ring();
    producer.write(sample(10), 0, 10);
    strictEqual(consumer.available(), 0);
    strictEqual(consumer.readable().length, 0);
    producer.publish();
    strictEqual(consumer.available(), 10);
  });

  test('publish up to an earlier count shows that much and no more', () => {
    const { producer, consumer } = ring();
    producer.write(sample(4), 0, 4);
    const boundary = producer.head;
    producer.write(sample(6), 0, 6);
    producer.publish(boundary);
    strictEqual(consumer.available(), 4);
    strictEqual(consumer.readable().length, 4);
    producer.publish();
    strictEqual(consumer.available(), 10);
  });

  test('bytes written but not published take room', () => {
    const { producer } = ring();
    producer.write(sample(60), 0, 60);
    strictEqual(producer.room(), 4);
    strictEqual(producer.hasRoom(5), false);
  });

  test('viewing gives no room back, releasing does', () => {
    const { producer, consumer } = ring();
    put(producer, sample(CAPACITY));
    consumer.view(CAPACITY);
    strictEqual(producer.room(), 0);
    consumer.release(1);
    strictEqual(producer.room(), 1);
  });

  test('bytes can be released in parts', () => {
    const { producer, consumer } = ring(CAPACITY, 50);
    put(producer, sample(40));
    const parts = [1, 13, 0, 25, 1].map((size) => take(consumer, size));
    strictEqual(Buffer.concat(parts).equals(sample(40)), true);
  });
});

describe('full and empty are told apart', () => {
  test('empty', () => {
    const { producer, consumer } = ring(CAPACITY, 7);
    strictEqual(consumer.available(), 0);
    strictEqual(consumer.readable().length, 0);
    strictEqual(producer.room(), CAPACITY);
    strictEqual(producer.hasRoom(CAPACITY), true);
    strictEqual(producer.hasRoom(CAPACITY + 1), false);
  });

  test('full', () => {
    const { producer, consumer } = ring(CAPACITY, 7);
    put(producer, sample(CAPACITY));
    strictEqual(consumer.available(), CAPACITY);
    strictEqual(producer.room(), 0);
    strictEqual(producer.hasRoom(0), true);
    strictEqual(producer.hasRoom(1), false);
    strictEqual(producer.writable().length, 0);
    strictEqual(consumer.readable().length, CAPACITY - 7);
    strictEqual(consumer.readable(CAPACITY - 7).length, 7);
  });

  test('a record exactly as large as the free space fits; one byte more does not', () => {
    const { producer, consumer } = ring(CAPACITY, 30);
    put(producer, sample(41));
    strictEqual(producer.hasRoom(24), false);
    strictEqual(producer.hasRoom(23), true);
    put(producer, sample(23, 100));
    strictEqual(producer.room(), 0);
    strictEqual(drain(consumer).equals(Buffer.concat([sample(41), sample(23, 100)])), true);
  });

  test('the producer notices room that was made after it last looked', () => {
    const { producer, consumer } = ring();
    put(producer, sample(CAPACITY));
    strictEqual(producer.hasRoom(1), false);
    consumer.release(CAPACITY);
    strictEqual(producer.hasRoom(CAPACITY), true);
  });
});

describe('counts go round', () => {
  // Int32Array has signed words: the sign changes at 2^31, the count starts again at 2^32
  test.each([
    ['2^31', 2 ** 31],
    ['2^32', 2 ** 32],
  ])('at %s', (_name, turn) => {
    for (let before = 0; before <= CAPACITY; before++) {
      const { producer, consumer } = ring(CAPACITY, turn - before);
      for (let record = 0; record < 10; record++) {
        const bytes = sample(50, record * 50);
        strictEqual(producer.room(), CAPACITY);
        put(producer, bytes);
        strictEqual(consumer.available(), 50);
        strictEqual(producer.room(), CAPACITY - 50);
        strictEqual((record % 2 ? take(consumer, 50) : drain(consumer)).equals(bytes), true);
      }
    }
  });

  test('an end that joins late takes over the counts', () => {
    const { words, outbound } = mapMemory(createMemory(CAPACITY, 2 ** 32 - 10));
    const early = new RingProducer(outbound, words, WORD.OUT_HEAD, WORD.OUT_TAIL);
    put(early, sample(20));
    const consumer = new RingConsumer(outbound, words, WORD.OUT_HEAD, WORD.OUT_TAIL);
    const late = new RingProducer(outbound, words, WORD.OUT_HEAD, WORD.OUT_TAIL);
    strictEqual(late.room(), CAPACITY - 20);
    put(late, sample(5, 100));
    strictEqual(take(consumer, 25).equals(Buffer.concat([sample(20), sample(5, 100)])), true);
  });
});

describe('the memory of a connection', () => {
  test.each([0, 3, 63, 65, 100_000])('%d bytes are no capacity', (capacity) => {
    expect(() => createMemory(capacity)).toThrow(`ring capacity ${capacity} is not a power of two`);
  });

  test('its two rings, its words and its report do not overlap', () => {
    const { words, report, outbound, inbound, memory } = mapMemory(createMemory(CAPACITY));
    const parts = [words, report, outbound, inbound];
    parts.forEach((part, index) => {
      Buffer.from(part.buffer, part.byteOffset, part.byteLength).fill(index + 1);
    });
    parts.forEach((part, index) => {
      const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
      strictEqual(
        bytes.every((byte) => byte === index + 1),
        true,
      );
    });
    strictEqual(
      parts.reduce((sum, part) => sum + part.byteLength, 0),
      memory.byteLength,
    );
  });

  test('every control word that changes has a cache line of its own, but for what belongs to the lock on the socket', () => {
    const { THREAD, DESCRIPTOR, INODE, DIRECT_SENT, DIRECT_END, ...others } = WORD;
    const line = (index: number) => (index * Int32Array.BYTES_PER_ELEMENT) / 64;
    for (const index of [DESCRIPTOR, INODE, DIRECT_SENT, DIRECT_END])
      strictEqual(Math.floor(line(index)), line(WORD.WRITER));
    strictEqual(Math.floor(line(THREAD)), line(WORD.STATE));
    const lines = Object.values(others).map(line);
    strictEqual(lines.every(Number.isInteger), true);
    strictEqual(new Set(lines).size, lines.length);
    expect(Math.max(...lines)).toBeLessThan(17);
  });
});
