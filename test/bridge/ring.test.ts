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
      expect(consumer.available()).toBe(size);
      expect(take(consumer, size).equals(sample(size, offset))).toBe(true);
      expect(consumer.available()).toBe(0);
    });
  });

  test('pieces lie in the ring itself unless its end would cut them', () => {
    everywhere(({ producer, consumer, bytes }, offset, size) => {
      const cut = offset + size > CAPACITY;
      producer.claim(size);
      expect(producer.buffer === bytes).toBe(!cut);
      expect(producer.offset).toBe(cut ? 0 : offset);
      expect(producer.buffer.length - producer.offset).toBeGreaterThanOrEqual(size);
      producer.commit(size);
      producer.publish();
      consumer.view(size);
      expect(consumer.buffer === bytes).toBe(!cut);
      expect(consumer.offset).toBe(cut ? 0 : offset);
    });
  });

  test('a claim may be committed in part: only that part counts', () => {
    everywhere(({ producer, consumer }, _offset, size) => {
      const part = Math.floor(size / 2);
      producer.claim(size);
      sample(size).copy(producer.buffer, producer.offset);
      producer.commit(part);
      put(producer, sample(CAPACITY - part, 100));
      expect(take(consumer, part).equals(sample(part))).toBe(true);
      expect(take(consumer, CAPACITY - part).equals(sample(CAPACITY - part, 100))).toBe(true);
    });
  });

  test('write takes a range of its source', () => {
    const source = sample(CAPACITY + 20);
    everywhere(({ producer, consumer }, _offset, size) => {
      producer.write(source, 10, 10 + size);
      producer.publish();
      expect(take(consumer, size).equals(source.subarray(10, 10 + size))).toBe(true);
    });
  });

  test('write leaves bytes that have not been read alone', () => {
    everywhere(({ producer, consumer }, _offset, size) => {
      put(producer, sample(CAPACITY - size));
      producer.write(sample(size, 100), 0, size);
      producer.publish();
      expect(take(consumer, CAPACITY - size).equals(sample(CAPACITY - size))).toBe(true);
      expect(take(consumer, size).equals(sample(size, 100))).toBe(true);
    });
  });

  test('writable and readable give the stretch up to the end of the ring, then the rest', () => {
    everywhere(({ producer, consumer, bytes }, offset, size) => {
      const first = Math.min(size, CAPACITY - offset);
      const stream = sample(size, offset);

      const target = producer.writable();
      expect(target.buffer).toBe(bytes.buffer);
      expect(target.length).toBe(CAPACITY - offset);
      stream.copy(target, 0, 0, first);
      producer.advance(first);
      expect(producer.writable().length).toBe(first < CAPACITY - offset ? CAPACITY - offset - first : offset);
      stream.copy(producer.writable(), 0, first);
      producer.advance(size - first);
      producer.publish();

      expect(consumer.readable().buffer).toBe(bytes.buffer);
      expect(consumer.readable().equals(stream.subarray(0, first))).toBe(true);
      expect(consumer.readable(first).equals(stream.subarray(first))).toBe(true);
      expect(consumer.readable(size).length).toBe(0);
      const wrong = [...stream.subarray(0, first).keys()].filter(
        (skip) => !consumer.readable(skip).equals(stream.subarray(skip, first)),
      );
      expect(wrong).toEqual([]);
      expect(drain(consumer).equals(stream)).toBe(true);
    });
  });
});

describe('what the other end sees', () => {
  test('nothing before publish', () => {
    const { producer, consumer } = ring();
    producer.write(sample(10), 0, 10);
    expect(consumer.available()).toBe(0);
    expect(consumer.readable().length).toBe(0);
    producer.publish();
    expect(consumer.available()).toBe(10);
  });

  test('publish up to an earlier count shows that much and no more', () => {
    const { producer, consumer } = ring();
    producer.write(sample(4), 0, 4);
    const boundary = producer.head;
    producer.write(sample(6), 0, 6);
    producer.publish(boundary);
    expect(consumer.available()).toBe(4);
    expect(consumer.readable().length).toBe(4);
    producer.publish();
    expect(consumer.available()).toBe(10);
  });

  test('bytes written but not published take room', () => {
    const { producer } = ring();
    producer.write(sample(60), 0, 60);
    expect(producer.room()).toBe(4);
    expect(producer.hasRoom(5)).toBe(false);
  });

  test('viewing gives no room back, releasing does', () => {
    const { producer, consumer } = ring();
    put(producer, sample(CAPACITY));
    consumer.view(CAPACITY);
    expect(producer.room()).toBe(0);
    consumer.release(1);
    expect(producer.room()).toBe(1);
  });

  test('bytes can be released in parts', () => {
    const { producer, consumer } = ring(CAPACITY, 50);
    put(producer, sample(40));
    const parts = [1, 13, 0, 25, 1].map((size) => take(consumer, size));
    expect(Buffer.concat(parts).equals(sample(40))).toBe(true);
  });
});

describe('full and empty are told apart', () => {
  test('empty', () => {
    const { producer, consumer } = ring(CAPACITY, 7);
    expect(consumer.available()).toBe(0);
    expect(consumer.readable().length).toBe(0);
    expect(producer.room()).toBe(CAPACITY);
    expect(producer.hasRoom(CAPACITY)).toBe(true);
    expect(producer.hasRoom(CAPACITY + 1)).toBe(false);
  });

  test('full', () => {
    const { producer, consumer } = ring(CAPACITY, 7);
    put(producer, sample(CAPACITY));
    expect(consumer.available()).toBe(CAPACITY);
    expect(producer.room()).toBe(0);
    expect(producer.hasRoom(0)).toBe(true);
    expect(producer.hasRoom(1)).toBe(false);
    expect(producer.writable().length).toBe(0);
    expect(consumer.readable().length).toBe(CAPACITY - 7);
    expect(consumer.readable(CAPACITY - 7).length).toBe(7);
  });

  test('a record exactly as large as the free space fits; one byte more does not', () => {
    const { producer, consumer } = ring(CAPACITY, 30);
    put(producer, sample(41));
    expect(producer.hasRoom(24)).toBe(false);
    expect(producer.hasRoom(23)).toBe(true);
    put(producer, sample(23, 100));
    expect(producer.room()).toBe(0);
    expect(drain(consumer).equals(Buffer.concat([sample(41), sample(23, 100)]))).toBe(true);
  });

  test('the producer notices room that was made after it last looked', () => {
    const { producer, consumer } = ring();
    put(producer, sample(CAPACITY));
    expect(producer.hasRoom(1)).toBe(false);
    consumer.release(CAPACITY);
    expect(producer.hasRoom(CAPACITY)).toBe(true);
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
        expect(producer.room()).toBe(CAPACITY);
        put(producer, bytes);
        expect(consumer.available()).toBe(50);
        expect(producer.room()).toBe(CAPACITY - 50);
        expect((record % 2 ? take(consumer, 50) : drain(consumer)).equals(bytes)).toBe(true);
      }
    }
  });

  test('an end that joins late takes over the counts', () => {
    const { words, outbound } = mapMemory(createMemory(CAPACITY, 2 ** 32 - 10));
    const early = new RingProducer(outbound, words, WORD.OUT_HEAD, WORD.OUT_TAIL);
    put(early, sample(20));
    const consumer = new RingConsumer(outbound, words, WORD.OUT_HEAD, WORD.OUT_TAIL);
    const late = new RingProducer(outbound, words, WORD.OUT_HEAD, WORD.OUT_TAIL);
    expect(late.room()).toBe(CAPACITY - 20);
    put(late, sample(5, 100));
    expect(take(consumer, 25).equals(Buffer.concat([sample(20), sample(5, 100)]))).toBe(true);
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
      expect(bytes.every((byte) => byte === index + 1)).toBe(true);
    });
    expect(parts.reduce((sum, part) => sum + part.byteLength, 0)).toBe(memory.byteLength);
  });

  test('every control word has a cache line of its own', () => {
    const lines = Object.values(WORD).map((index) => (index * Int32Array.BYTES_PER_ELEMENT) / 64);
    expect(lines.every(Number.isInteger)).toBe(true);
    expect(new Set(lines).size).toBe(lines.length);
    expect(Math.max(...lines)).toBeLessThan(16);
  });
});
