import type * as Layout from '../../src/bridge/layout';

/** The ring's counts go round in every test of some length. */
jest.mock('../../src/bridge/layout', () => {
  const layout = jest.requireActual<typeof Layout>('../../src/bridge/layout');
  const start = 2 ** 32 - 20_000;
  return { ...layout, createMemory: (capacity: number) => layout.createMemory(capacity, start) };
});

import { ok, strictEqual } from 'node:assert';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Link } from '../../src/bridge/link';
import { WorkerLink } from '../../src/bridge/worker-link';
import { FRAME } from '../../src/protocol/constants';
import { FrameScanner } from '../../src/protocol/frame';
import { ProtocolViolation } from '../../src/protocol/violation';
import { Inbound } from '../../worker/connection/inbound';
import { frame } from '../protocol/bytes';
import { generator } from '../support/threads/records';
import { portsSettled } from '../support/threads/threads';

const FRAME_MAX = 4096;
const KIB = 1024;

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** Both ends of a connection's memory in one thread, the socket being the test. */
class Rig {
  readonly link: Link;
  readonly worker: WorkerLink;
  readonly scanner: FrameScanner;
  readonly inbound: Inbound;
  /** Payloads of methods on channel 0. */
  readonly controls: Buffer[] = [];
  /** Frames that main has read so far. */
  readonly read: Buffer[] = [];
  /** Bytes of it. */
  size = 0;
  /** How often main has rung. */
  rings = 0;
  #sent = 0;

  constructor(capacity: number, maxHeld: number) {
    this.link = new Link(capacity, false, 60_000);
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    this.link.attach(port1);
    const { memory, wakeSignal } = this.link;
    this.worker = new WorkerLink(
      memory,
      wakeSignal.memory,
      port2,
      () => {
        this.rings++;
        this.inbound.moveHeld();
      },
      () => {},
    );
    this.scanner = new FrameScanner((payload) => this.controls.push(payload));
    this.scanner.frameMax = FRAME_MAX;
    this.scanner.channelMax = 10;
    this.inbound = new Inbound(this.worker, this.scanner, maxHeld);
  }

  /**
   * The kernel puts as much as fits of `bytes` into the target; returns how much. Node asks for the target
   * right after the read before, so that much may happen `meanwhile`.
   */
  receive(bytes: Buffer, meanwhile = () => {}): number {
    const target = this.inbound.target();
    if (target.length === 0) throw new Error('nowhere to put what the socket brings');
    meanwhile();
    const size = bytes.copy(target);
    this.inbound.received(target, size);
    this.#sent += size;
    return size;
  }

  /** Receive all of it, whether or not there is room: plain TCP. */
  feed(bytes: Buffer, meanwhile?: () => void): void {
    for (let at = 0; at < bytes.length; ) at += this.receive(bytes.subarray(at), meanwhile);
  }

  /** Receive it as TLS does, in memory that is not ours to keep. */
  feedCopy(bytes: Buffer): void {
    const theirs = Buffer.from(bytes);
    this.inbound.copy(theirs);
    theirs.fill(0);
    this.#sent += bytes.length;
  }

  /** Main takes one whole frame, if there is one. */
  takeFrame(): boolean {
    const { inbound } = this.link;
    const available = inbound.available();
    if (available === 0) return false;
    ok(available >= 8);
    inbound.view(7);
    const size = inbound.buffer.readUInt32BE(inbound.offset + 3) + 8;
    ok(available >= size);
    inbound.view(size);
    this.read.push(Buffer.from(inbound.buffer.subarray(inbound.offset, inbound.offset + size)));
    this.size += size;
    this.link.release(size);
    return true;
  }

  takeFrames(most = Number.POSITIVE_INFINITY): void {
    for (let count = 0; count < most && this.takeFrame(); count++);
  }

  /** Main reads some, and the worker has its turn. */
  async step(): Promise<void> {
    this.takeFrames(3);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Main reads until it has everything; the doorbell is all that makes the worker move. */
  async drain(): Promise<Buffer> {
    const deadline = performance.now() + 30_000;
    while (this.size < this.#sent && performance.now() < deadline) await this.step();
    return Buffer.concat(this.read);
  }
}

const random = generator(11);
/** A frame of exactly `size` bytes, with bytes that do not repeat soon. */
function frameOf(size: number): Buffer {
  const payload = Buffer.alloc(size - 8);
  for (let i = 0; i < payload.length; i++) payload[i] = random();
  return frame(FRAME.BODY, 1 + (random() % 10), payload);
}

/** Frames of all sizes, the largest ones included. */
function stream(size: number): Buffer {
  const frames: Buffer[] = [];
  for (let sum = 0; sum < size; sum += frames.at(-1)!.length) {
    const kind = random() % 8;
    frames.push(
      kind === 0
        ? frame(FRAME.HEARTBEAT, 0, Buffer.alloc(0))
        : frameOf(kind === 1 ? FRAME_MAX : 8 + (random() % 300)),
    );
  }
  return Buffer.concat(frames);
}

/** The stream in pieces as a socket brings them: often tiny, sometimes many frames at once. */
function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + (random() % (random() % 3 === 0 ? 6000 : 20));
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

// takeFrame fails on a frame that is visible in part, so every test below also shows that only whole ones are
describe('what the socket brings arrives unchanged', () => {
  test('while main keeps up with it', () => {
    const rig = new Rig(32 * KIB, 0);
    const sent = stream(500 * KIB);
    for (const piece of pieces(sent)) {
      rig.feed(piece);
      rig.takeFrames();
    }
    strictEqual(Buffer.concat(rig.read).equals(sent), true);
  });

  test('when TLS brings it in memory of its own', async () => {
    const rig = new Rig(32 * KIB, 100 * KIB);
    const sent = stream(500 * KIB);
    for (const piece of pieces(sent)) {
      rig.feedCopy(piece);
      if (random() % 4 === 0) rig.takeFrames();
    }
    strictEqual((await rig.drain()).equals(sent), true);
  });

  test('when main falls behind and catches up, again and again', async () => {
    const rig = new Rig(32 * KIB, 10_000 * KIB);
    const sent = stream(1000 * KIB);
    let lazy = 0;
    for (const piece of pieces(sent)) {
      if (random() % 200 === 0) lazy = 200;
      rig.feed(piece);
      if (--lazy > 0) continue;
      rig.takeFrames(random() % 30);
      if (random() % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    strictEqual((await rig.drain()).equals(sent), true);
    expect(rig.rings).toBeGreaterThan(0);
  });

  test('when main does not read at all until everything is there', async () => {
    const rig = new Rig(128 * KIB, 10_000 * KIB);
    const sent = stream(2000 * KIB);
    rig.feed(sent); // reads of 64 KiB: the scratch is filled to its end
    expect(rig.link.inbound.available()).toBeGreaterThan(64 * KIB);
    strictEqual((await rig.drain()).equals(sent), true);
  });

  test.each(['plain', 'TLS'])('when there are content headers of half the ring: %s', async (how) => {
    const rig = new Rig(32 * KIB, how === 'plain' ? 0 : 10_000 * KIB);
    rig.scanner.headerMax = rig.inbound.largestFrame;
    const header = frame(FRAME.HEADER, 1, Buffer.alloc(16 * KIB - 8, 0xce));
    const sent = Buffer.concat(Array.from({ length: 20 }, () => Buffer.concat([stream(5 * KIB), header])));
    for (const piece of pieces(sent)) {
      if (how === 'plain') while (rig.inbound.full) await rig.step();
      if (how === 'plain') rig.feed(piece);
      else rig.feedCopy(piece);
    }
    strictEqual((await rig.drain()).equals(sent), true);
  });

  test('when a piece from TLS is larger than the ring', async () => {
    const rig = new Rig(128 * KIB, 10_000 * KIB);
    const sent = stream(600 * KIB);
    rig.feedCopy(sent);
    strictEqual((await rig.drain()).equals(sent), true);
  });
});

describe('only whole frames become visible', () => {
  test('one byte at a time', () => {
    const rig = new Rig(32 * KIB, 0);
    const [first, second] = [frameOf(20), frameOf(30)];
    const sent = Buffer.concat([first, second]);
    for (let at = 0; at < sent.length; at++) {
      rig.feed(sent.subarray(at, at + 1));
      const whole = at + 1 < first.length ? 0 : at + 1 < sent.length ? first.length : sent.length;
      strictEqual(rig.link.inbound.available(), whole);
    }
  });

  test('a frame whose end is held back stays hidden until the end is in the ring', async () => {
    const rig = new Rig(8 * KIB, 100 * KIB);
    const filling = Buffer.concat([frameOf(FRAME_MAX), frameOf(1000)]);
    const split = frameOf(FRAME_MAX);
    rig.feed(filling);
    rig.feed(split.subarray(0, 500)); // leaves less room than a read into the ring takes
    strictEqual(rig.inbound.target().length, 64 * KIB);
    rig.feed(Buffer.concat([split.subarray(500), frameOf(FRAME_MAX)]));
    strictEqual(rig.link.inbound.available(), filling.length);
    rig.takeFrames();
    const all = await rig.drain();
    strictEqual(all.subarray(filling.length, filling.length + split.length).equals(split), true);
  });
});

describe('when main does not read', () => {
  /** The ring is full: the next bytes go to the overflow. */
  const filled = (maxHeld: number) => {
    const rig = new Rig(32 * KIB, maxHeld);
    while (rig.inbound.target().length < 64 * KIB) rig.feed(frameOf(1000));
    return rig;
  };
  /** The overflow is full, too. */
  const overfilled = (maxHeld: number) => {
    const rig = filled(maxHeld);
    for (let size = 0; size <= maxHeld + 4096; size += 1000) rig.receive(frameOf(1000));
    return rig;
  };

  test('the overflow takes up to maxHeld, then reading has to stop', () => {
    const rig = filled(20 * KIB);
    let held = 0;
    while (!rig.inbound.full && held < 100 * KIB) held += rig.receive(frameOf(1000));
    expect(held).toBeGreaterThan(18 * KIB);
    expect(held).toBeLessThan(25 * KIB); // some of it still found room in the ring
    expect(rig.link.inbound.available()).toBeGreaterThan(30 * KIB);
  });

  test('main is asked for room only then', async () => {
    const rig = new Rig(32 * KIB, 20 * KIB);
    for (const piece of pieces(stream(100 * KIB))) {
      rig.feed(piece);
      rig.takeFrames();
    }
    await portsSettled();
    strictEqual(rig.rings, 0);
  });

  test('main rings once the ring is half empty, and reading goes on', async () => {
    const rig = overfilled(20 * KIB);
    while (rig.link.inbound.available() - 1000 > 16 * KIB) rig.takeFrame();
    await portsSettled();
    expect([rig.rings, rig.inbound.full]).toEqual([0, true]);
    rig.takeFrame();
    await portsSettled();
    expect([rig.rings, rig.inbound.full]).toEqual([1, false]);
    expect(rig.link.inbound.available()).toBeGreaterThan(30 * KIB);
  });

  test('a method of channel 0 is seen all the same', () => {
    const rig = filled(20 * KIB);
    const payload = Buffer.from('connection.close');
    rig.feed(frame(FRAME.METHOD, 0, payload));
    expect(rig.controls).toEqual([payload]);
  });

  test('what came later does not overtake what is held', async () => {
    const rig = filled(1000 * KIB);
    const late = stream(200 * KIB);
    for (const piece of pieces(late)) {
      rig.feed(piece, () => {
        rig.takeFrames(random() % 8);
        if (random() % 3 === 0) rig.inbound.moveHeld();
      });
    }
    strictEqual((await rig.drain()).subarray(-late.length).equals(late), true);
  });

  test('an overflow of very many small reads is moved without keeping heartbeats waiting', () => {
    const rig = new Rig(1024 * KIB, 100_000 * KIB);
    const small = frameOf(100);
    for (let i = 0; i < 100_000; i++) rig.feed(small);
    const before = process.cpuUsage();
    for (let size = -1; size !== 0; rig.inbound.moveHeld()) {
      size = rig.link.inbound.available();
      rig.link.release(size);
    }
    const { user, system } = process.cpuUsage(before); // microseconds, whatever else the machine does
    expect(user + system).toBeLessThan(1_000_000);
  });

  test('an overflow of nothing lets the ring be read still', () => {
    const rig = new Rig(32 * KIB, 0);
    rig.feed(frameOf(100));
    strictEqual(rig.inbound.full, false);
  });
});

describe('a peer that breaks the protocol is refused', () => {
  const bad = {
    'frame larger than negotiated': frameOf(FRAME_MAX + 1),
    'channel out of range': frame(FRAME.BODY, 11, Buffer.alloc(5)),
    'bad frame end octet': Buffer.concat([frameOf(100).subarray(0, 99), Buffer.of(0)]),
    'unknown frame type': frame(9, 1, Buffer.alloc(5)),
  };
  const ways: [string, (rig: Rig, bytes: Buffer) => void][] = [
    ['into the ring', (rig, bytes) => rig.feed(bytes)],
    ['from TLS', (rig, bytes) => rig.inbound.copy(bytes)],
    [
      'into the overflow',
      (rig, bytes) => {
        while (rig.inbound.target().length < 64 * KIB) rig.feed(frameOf(1000));
        rig.feed(bytes);
      },
    ],
  ];

  test.each(ways)('%s', (_name, receive) => {
    for (const [problem, bytes] of Object.entries(bad)) {
      const rig = new Rig(32 * KIB, 1000 * KIB);
      rig.feed(frameOf(50));
      expect(() => receive(rig, bytes)).toThrow(expect.objectContaining({ problem }));
      expect(() => receive(new Rig(32 * KIB, 1000 * KIB), bytes)).toThrow(ProtocolViolation);
      const seen = rig.link.inbound.available();
      rig.takeFrames();
      expect(rig.size).toBe(seen); // nothing of the bad frame is visible
    }
  });
});

describe('when a session takes the place of a lost one', () => {
  const NOTICE = frame(0xf0, 0, Buffer.from('something of our own'));

  function again(rig: Rig): FrameScanner {
    const scanner = new FrameScanner(() => {});
    scanner.frameMax = FRAME_MAX;
    scanner.channelMax = 10;
    rig.inbound.begin(scanner);
    return scanner;
  }

  test.each([
    ['the ring has room', 64 * KIB, 0],
    ['it is full, and more is held', 16 * KIB, 40],
    ['the half frame is all that is held', 16 * KIB, 7],
  ])(
    'half a frame of the old one is cut off, and what is said between them stays there: %s',
    (_what, capacity, count) => {
      const frames = Array.from({ length: Math.max(3, count) }, (_, index) => frameOf(1000 + index));
      const half = frameOf(3000).subarray(0, 2000);
      const rig = new Rig(capacity, 1024 * KIB);
      const first = Buffer.concat([...frames, half]);
      for (let at = 0; at < first.length; at += 700) rig.feedCopy(first.subarray(at, at + 700));
      rig.inbound.end();
      rig.inbound.insert(NOTICE);
      again(rig);
      const second = [frameOf(100), frameOf(4000)];
      for (const each of second)
        for (let at = 0; at < each.length; at += 300) rig.feedCopy(each.subarray(at, at + 300));
      rig.inbound.end();
      rig.inbound.insert(NOTICE);
      for (let round = 0; round < 100; round++) {
        rig.takeFrames();
        rig.inbound.moveHeld();
      }
      expect(Buffer.concat(rig.read)).toEqual(Buffer.concat([...frames, NOTICE, ...second, NOTICE]));
      strictEqual(rig.inbound.heldSize, 0);
    },
  );

  test('bytes straight from the socket are cut off in the same way', () => {
    const rig = new Rig(64 * KIB, 0);
    const whole = frameOf(500);
    rig.feed(Buffer.concat([whole, frameOf(500).subarray(0, 499)]));
    rig.inbound.end();
    rig.inbound.insert(NOTICE);
    again(rig);
    const next = frameOf(600);
    rig.feed(next);
    rig.takeFrames();
    expect(Buffer.concat(rig.read)).toEqual(Buffer.concat([whole, NOTICE, next]));
  });
});
