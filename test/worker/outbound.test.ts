import fs, { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { mapMemory, WORD, WRITER } from '../../src/bridge/layout';
import { Link } from '../../src/bridge/link';
import { WorkerLink } from '../../src/bridge/worker-link';
import type { Target } from '../../src/contract/session-options';
import { FRAME } from '../../src/protocol/constants';
import { FrameScanner } from '../../src/protocol/frame';
import { Journal } from '../../src/topology/journal';
import { Race } from '../../worker/connection/dial';
import { Outbound } from '../../worker/connection/outbound';
import { TopologyRecorder } from '../../worker/connection/topology-recorder';
import { Transport, type TransportEvents } from '../../worker/connection/transport';
import { frame } from '../protocol/bytes';
import { generator } from '../support/threads/records';
import { portsSettled } from '../support/threads/threads';

const CAPACITY = 256;
const HEARTBEAT = frame(FRAME.HEARTBEAT, 0, Buffer.alloc(0));

/** A socket that takes bytes when it is told to. */
class FakeTransport {
  readonly writes: { bytes: Buffer; done: (() => void) | undefined }[] = [];
  /** Bytes that have been taken so far: the wire. */
  readonly wire: Buffer[] = [];
  bytesOut = 0;

  write(bytes: Buffer, done?: () => void): void {
    this.writes.push({ bytes, done });
  }

  /** The kernel takes the first write. */
  take(): void {
    const { bytes, done } = this.writes.shift()!;
    this.wire.push(Buffer.from(bytes));
    done?.();
  }

  takeAll(): void {
    for (let count = 0; this.writes.length > 0; count++) {
      if (count === 1000) throw new Error('there is no end of writes');
      this.take();
    }
  }

  /** The bytes of all writes that wait. */
  get waiting(): Buffer {
    return Buffer.concat(this.writes.map(({ bytes }) => bytes));
  }
}

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

class Rig {
  readonly link = new Link(CAPACITY, false, 60_000);
  readonly worker: WorkerLink;
  readonly transport = new FakeTransport();
  readonly outbound: Outbound;
  /** How often main has rung. */
  rings = 0;
  /** Whether `flush` will be called before long. */
  attended = false;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    this.link.attach(port1);
    this.worker = new WorkerLink(
      this.link.memory,
      this.link.wakeSignal.memory,
      port2,
      () => {
        this.rings++;
        this.outbound.flush();
      },
      () => {},
    );
    this.outbound = new Outbound(this.worker, this.transport as unknown as Transport, () => this.attended);
  }

  write(bytes: Buffer): void {
    expect(this.link.outbound.hasRoom(bytes.length)).toBe(true);
    this.link.outbound.write(bytes, 0, bytes.length);
  }

  /** Main writes a frame and shows it. */
  send(bytes: Buffer): void {
    this.write(bytes);
    this.link.send();
  }
}

/** A frame whose whole size is `size`, told apart by `mark`. */
function frameOf(size: number, mark = 1): Buffer {
  return frame(FRAME.BODY, 1, Buffer.alloc(size - 8, mark));
}

describe('a batch', () => {
  test('is everything published when it began, straight from the ring', () => {
    const rig = new Rig();
    const frames = [frameOf(20, 1), frameOf(30, 2)];
    for (const each of frames) rig.send(each);
    rig.outbound.flush();
    expect(rig.transport.writes.length).toBe(1);
    expect(rig.transport.waiting).toEqual(Buffer.concat(frames));
    expect(rig.transport.writes[0]!.bytes.buffer).toBe(rig.link.memory);
  });

  test('does not grow while the socket has it, and the next one follows', () => {
    const rig = new Rig();
    rig.send(frameOf(20, 1));
    rig.outbound.flush();
    rig.send(frameOf(30, 2));
    rig.send(frameOf(40, 3));
    rig.outbound.flush();
    expect(rig.transport.waiting).toEqual(frameOf(20, 1));
    rig.transport.take();
    expect(rig.transport.waiting).toEqual(Buffer.concat([frameOf(30, 2), frameOf(40, 3)]));
  });

  // the second one wraps
  test.each([10, CAPACITY - 10])(
    'that begins at %d leaves out what main publishes while it is put together',
    (offset) => {
      const rig = new Rig();
      rig.send(frameOf(offset));
      rig.outbound.flush();
      rig.transport.takeAll();
      rig.send(frameOf(20, 1));
      const { outbound } = rig.worker;
      const readable = outbound.readable.bind(outbound);
      jest.spyOn(outbound, 'readable').mockImplementationOnce((skip) => {
        rig.send(frameOf(30, 2));
        return readable(skip);
      });
      rig.outbound.flush();
      expect(rig.transport.waiting).toEqual(frameOf(20, 1));
      rig.transport.takeAll();
      expect(Buffer.concat(rig.transport.wire.slice(1))).toEqual(
        Buffer.concat([frameOf(20, 1), frameOf(30, 2)]),
      );
    },
  );

  test('is two writes where the ring wraps; the second one ends it', () => {
    const rig = new Rig();
    rig.send(frameOf(200));
    rig.outbound.flush();
    rig.transport.takeAll();
    rig.send(frameOf(150, 2));
    rig.outbound.flush();
    expect(rig.transport.writes.map(({ bytes }) => bytes.length)).toEqual([56, 94]);
    expect(rig.transport.waiting).toEqual(frameOf(150, 2));
    rig.transport.take();
    expect(rig.link.unsent).toBe(150);
    rig.transport.take();
    expect(rig.link.unsent).toBe(0);
  });

  test('is the whole ring if it is full', () => {
    const rig = new Rig();
    rig.send(frameOf(CAPACITY));
    rig.outbound.flush();
    expect(rig.transport.waiting).toEqual(frameOf(CAPACITY));
    expect(rig.link.outbound.room()).toBe(0);
    rig.transport.take();
    expect(rig.link.outbound.room()).toBe(CAPACITY);
  });

  test('ends with a whole frame: those of the worker may follow it', () => {
    const random = generator(13);
    const rig = new Rig();
    const scanner = new FrameScanner(() => {});
    scanner.channelMax = 1;
    const sent: Buffer[] = [];
    for (let step = 0; step < 5000; step++) {
      const next = frameOf(8 + (random() % 120), step);
      if (random() % 2 === 0 && rig.link.outbound.hasRoom(next.length)) {
        rig.send(next);
        sent.push(next);
      }
      if (random() % 3 === 0) rig.outbound.flush();
      if (random() % 5 === 0) rig.transport.write(HEARTBEAT);
      if (random() % 2 === 0 && rig.transport.writes.length > 0) rig.transport.take();
    }
    rig.outbound.flush();
    rig.transport.takeAll();
    const wire = Buffer.concat(rig.transport.wire);
    scanner.push(wire); // throws where a frame lies within another
    expect(scanner.atBoundary).toBe(true);
    const ours = rig.transport.wire.filter((bytes) => !bytes.equals(HEARTBEAT));
    expect(Buffer.concat(ours).equals(Buffer.concat(sent))).toBe(true);
  });
});

describe('room goes back to main', () => {
  test('only when the socket has taken the bytes', () => {
    const rig = new Rig();
    rig.send(frameOf(100));
    rig.outbound.flush();
    expect(rig.link.unsent).toBe(100);
    rig.transport.take();
    expect(rig.link.unsent).toBe(0);
  });

  // Node ends the callbacks of a lost socket with an error, and one of them without
  test('not when the connection was lost on the way: flush must not succeed then', async () => {
    const capacity = 16 * 1024 * 1024; // more than the kernel takes for a peer that does not read
    const link = new Link(capacity, false, 60_000);
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const ignore = () => {};
    const worker = new WorkerLink(link.memory, link.wakeSignal.memory, port2, ignore, ignore);
    link.outbound.advance(capacity);
    link.send();

    const server = createServer((socket) => {
      socket.pause();
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const lost = await new Promise<Error | undefined>((ended) => {
      const route = {
        target: { host: '127.0.0.1', port } as Target,
        race: new Race(['127.0.0.1'], 250),
        secure: undefined,
        dial: { noDelay: true, keepAlive: 0, happyEyeballsDelay: 250, interleave: 1 },
      };
      const events = { connected: () => outbound.flush(), ended } as Partial<TransportEvents>;
      const target = () => Buffer.alloc(1024);
      const transport = new Transport(route, { ...events, target } as TransportEvents);
      const outbound = new Outbound(worker, transport, () => false);
    });
    server.close();
    expect(lost).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
    expect(link.unsent).toBe(capacity);
  });
});

describe('the doorbell', () => {
  test('is asked for when there is nothing left', async () => {
    const rig = new Rig();
    rig.outbound.flush();
    rig.send(frameOf(20));
    await portsSettled();
    expect(rig.rings).toBe(1);
    expect(rig.transport.waiting).toEqual(frameOf(20));
    rig.transport.take();
    rig.send(frameOf(30));
    await portsSettled();
    expect(rig.rings).toBe(2);
    expect(rig.transport.waiting).toEqual(frameOf(30));
  });

  test('is not asked for while a poll is to come soon', async () => {
    const rig = new Rig();
    rig.attended = true;
    rig.outbound.flush();
    rig.send(frameOf(20));
    await portsSettled();
    expect(rig.rings).toBe(0);
    rig.outbound.flush();
    expect(rig.transport.waiting).toEqual(frameOf(20));
    rig.attended = false;
    rig.transport.take();
    rig.send(frameOf(30));
    await portsSettled();
    expect(rig.rings).toBe(1);
    expect(rig.transport.waiting).toEqual(frameOf(30));
  });

  test('the end of a batch leaves what is not urgent to the next poll', () => {
    const rig = new Rig();
    rig.attended = true;
    rig.send(frameOf(20));
    rig.outbound.flush();
    rig.write(frameOf(30));
    rig.link.sendSoon();
    rig.transport.take();
    expect(rig.transport.writes).toEqual([]);
    rig.outbound.flush();
    rig.send(frameOf(40));
    rig.transport.take();
    expect(rig.transport.waiting).toEqual(frameOf(40));
  });

  test('is left alone while a batch is being written: its end looks for more', async () => {
    const rig = new Rig();
    rig.outbound.flush();
    rig.send(frameOf(20));
    await portsSettled();
    rig.send(frameOf(30));
    rig.send(frameOf(40));
    await portsSettled();
    expect(rig.rings).toBe(1);
    rig.transport.takeAll();
    expect(Buffer.concat(rig.transport.wire)).toEqual(Buffer.concat([frameOf(20), frameOf(30), frameOf(40)]));
  });

  test('is not needed for what comes between the look and the parking', async () => {
    const rig = new Rig();
    const { worker } = rig;
    const park = worker.park.bind(worker);
    jest.spyOn(worker, 'park').mockImplementationOnce(() => {
      rig.send(frameOf(20)); // main sees nobody parked and does not ring
      park();
    });
    rig.outbound.flush();
    expect(rig.transport.waiting).toEqual(frameOf(20));
    rig.send(frameOf(30));
    await portsSettled();
    expect(rig.rings).toBe(0);
  });
});

describe('drain', () => {
  test('is done when everything has been sent, once', () => {
    const rig = new Rig();
    const done = jest.fn();
    rig.send(frameOf(20));
    rig.outbound.drain(done);
    rig.send(frameOf(30));
    rig.transport.take();
    expect(done).toHaveBeenCalledTimes(0);
    rig.transport.take();
    expect(done).toHaveBeenCalledTimes(1);
    rig.send(frameOf(40));
    rig.outbound.flush();
    rig.transport.take();
    expect(done).toHaveBeenCalledTimes(1);
  });

  test('waits for the batch that is being written', () => {
    const rig = new Rig();
    const done = jest.fn();
    rig.send(frameOf(20));
    rig.outbound.flush();
    rig.outbound.drain(done);
    expect(done).toHaveBeenCalledTimes(0);
    rig.transport.take();
    expect(done).toHaveBeenCalledTimes(1);
  });

  test('is done at once when there is nothing', () => {
    const done = jest.fn();
    new Rig().outbound.drain(done);
    expect(done).toHaveBeenCalledTimes(1);
  });
});

describe('when a lost connection has been recovered', () => {
  test('what main wrote before it noticed does not reach the new broker, and its room is free again', () => {
    const rig = new Rig();
    const recorder = new TopologyRecorder(new Journal());
    rig.send(frameOf(20, 1));
    rig.outbound.flush(); // this is with the old socket, which will never say so
    rig.send(frameOf(30, 2));
    rig.worker.inFlight = 0;
    expect(rig.worker.generation).toBe(1);
    rig.link.enter(2);
    expect([rig.worker.generation, rig.worker.stale]).toEqual([2, 50]);
    const fresh = frameOf(40, 3);
    rig.send(fresh);
    const transport = new FakeTransport();
    const outbound = new Outbound(rig.worker, transport as unknown as Transport, () => false);
    outbound.discard(recorder, () => {});
    outbound.flush();
    transport.takeAll();
    expect(Buffer.concat(transport.wire)).toEqual(fresh);
    expect(rig.link.unsent).toBe(0);
  });

  test('at the end of the ring, too, and however often it happens', () => {
    const rig = new Rig();
    const recorder = new TopologyRecorder(new Journal());
    for (let generation = 2; generation < 200; generation++) {
      rig.send(frameOf(CAPACITY / 2 - 13, 1));
      rig.link.enter(generation);
      const fresh = frameOf(21, 2);
      rig.send(fresh);
      const transport = new FakeTransport();
      const outbound = new Outbound(rig.worker, transport as unknown as Transport, () => false);
      outbound.discard(recorder, () => {});
      outbound.flush();
      transport.takeAll();
      expect(Buffer.concat(transport.wire)).toEqual(fresh);
    }
  });
});

describe('what main has written to the socket itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'amqp-sync-'));
  const files: number[] = [];
  let names = 0;
  afterEach(() => files.splice(0).map(closeSync));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A rig that lends a file, which takes what it is given as a socket does. */
  function lending(): { rig: Rig; written: () => Buffer } {
    const rig = new Rig();
    const path = join(folder, `${names++}`);
    const fd = openSync(path, 'w');
    files.push(fd);
    rig.outbound.lend(fd);
    return { rig, written: () => readFileSync(path) };
  }

  /** Main waits for the answer to a frame. */
  function call(rig: Rig, bytes: Buffer): void {
    rig.write(bytes);
    rig.link.send(true);
  }

  test('is not written again, nor does main ring for it', async () => {
    const { rig, written } = lending();
    call(rig, frameOf(20, 1));
    call(rig, frameOf(30, 2));
    expect(written()).toEqual(Buffer.concat([frameOf(20, 1), frameOf(30, 2)]));
    expect([rig.link.unsent, rig.link.directWrites]).toEqual([0, 2]);
    rig.outbound.flush();
    await portsSettled();
    expect([rig.transport.writes, rig.rings]).toEqual([[], 0]);
    expect(rig.transport.bytesOut).toBe(50); // no heartbeat is due
  });

  test('goes round the end of the ring, with what the worker writes between', () => {
    const { rig, written } = lending();
    rig.attended = true;
    const all: Buffer[] = [];
    for (let number = 0; number < 40; number++) {
      const bytes = frameOf(50, number);
      if (number % 3 > 0) call(rig, bytes);
      else rig.send(bytes);
      if (number % 3 > 0) all.push(bytes);
      rig.outbound.flush();
      rig.transport.takeAll();
      expect(rig.link.unsent).toBe(0);
    }
    expect(written()).toEqual(Buffer.concat(all));
    expect(rig.transport.wire).toHaveLength(14 + 2); // two of them in two pieces
  });

  test('is recorded once, before the answer is looked at', () => {
    const { rig } = lending();
    const recorder = new TopologyRecorder(new Journal());
    const sent = jest.spyOn(recorder, 'sent');
    const outbound = new Outbound(rig.worker, rig.transport as unknown as Transport, () => false, recorder);
    call(rig, frameOf(20));
    outbound.catchUp();
    outbound.catchUp();
    outbound.flush();
    expect(sent.mock.calls).toEqual([[frameOf(20)]]);
    rig.worker.writeLock.revoke();
    rig.send(frameOf(30));
    outbound.flush();
    expect(sent.mock.calls.slice(1)).toEqual([[frameOf(30)]]);
  });

  test('and is cut off, is finished before a frame of the worker’s own', () => {
    const { rig } = lending();
    const { words } = mapMemory(rig.link.memory);
    rig.write(frameOf(40, 1));
    rig.link.outbound.publish();
    Atomics.store(words, WORD.DIRECT_END, rig.link.outbound.head);
    Atomics.store(words, WORD.DIRECT_SENT, rig.link.outbound.head - 15);
    rig.outbound.append(HEARTBEAT);
    rig.transport.takeAll();
    rig.outbound.append(HEARTBEAT);
    rig.transport.takeAll();
    expect(rig.transport.wire).toEqual([frameOf(40, 1).subarray(25), HEARTBEAT, HEARTBEAT]);
    expect(rig.link.unsent).toBe(0);
  });

  test('while the worker takes note of it, is recorded before its room is given back', () => {
    const { rig } = lending();
    const recorder = new TopologyRecorder(new Journal());
    const recorded: Buffer[] = [];
    jest.spyOn(recorder, 'sent').mockImplementation((first, second = Buffer.alloc(0)) => {
      recorded.push(Buffer.concat([first, second]));
      if (recorded.length === 1) call(rig, frameOf(30, 2)); // main is not waiting for what has come
    });
    const outbound = new Outbound(rig.worker, rig.transport as unknown as Transport, () => false, recorder);
    call(rig, frameOf(20, 1));
    outbound.catchUp();
    outbound.catchUp();
    expect(recorded).toEqual([frameOf(20, 1), frameOf(30, 2)]);
    expect(rig.worker.outbound.available()).toBe(0);
  });

  test('and is cut off, is of whole frames where the connection is lost before it is finished', () => {
    const { rig } = lending();
    const recorder = new TopologyRecorder(new Journal());
    const resend = jest.spyOn(recorder, 'resend');
    const { words } = mapMemory(rig.link.memory);
    rig.write(frameOf(60, 1));
    rig.link.outbound.publish();
    Atomics.store(words, WORD.DIRECT_END, rig.link.outbound.head);
    Atomics.store(words, WORD.DIRECT_SENT, rig.link.outbound.head - 25);
    rig.outbound.flush();
    expect(rig.transport.waiting).toEqual(frameOf(60, 1).subarray(35));
    expect(rig.link.unsent).toBe(25);
    rig.outbound.revoke();
    rig.worker.inFlight = 0;
    rig.send(frameOf(30, 2));
    rig.link.enter(2);
    const outbound = new Outbound(rig.worker, new FakeTransport() as unknown as Transport, () => false);
    outbound.discard(recorder, () => {});
    expect(resend.mock.calls).toEqual([[Buffer.concat([frameOf(60, 1), frameOf(30, 2)]), undefined]]);
  });

  test('is not come between, where it is the begin of a message in pieces', () => {
    const { rig, written } = lending();
    const { worker } = rig;
    const hasOutbound = () =>
      Object.getOwnPropertyDescriptor(WorkerLink.prototype, 'hasOutbound')!.get!.call(worker);
    jest.spyOn(worker, 'hasOutbound', 'get').mockImplementationOnce(() => {
      rig.link.lockWrites();
      call(rig, frameOf(20, 1));
      return hasOutbound();
    });
    expect(rig.outbound.interject(HEARTBEAT)).toBe(false);
    expect(rig.transport.writes).toEqual([]);
    rig.outbound.flush();
    rig.transport.takeAll();
    expect(Buffer.concat([written(), ...rig.transport.wire])).toEqual(frameOf(20, 1));
    expect(rig.outbound.interject(HEARTBEAT)).toBe(false);
    rig.link.unlockWrites();
    expect(rig.outbound.interject(HEARTBEAT)).toBe(true);
    rig.transport.takeAll();
    call(rig, frameOf(30, 3));
    expect(written()).toEqual(frameOf(30, 3));
  });

  test.each(['a batch', 'a frame'])(
    'does not come between: while %s of the worker’s is under way, it waits',
    (what) => {
      const { rig, written } = lending();
      if (what === 'a batch') rig.send(frameOf(20, 1));
      if (what === 'a batch') rig.outbound.flush();
      else rig.outbound.append(HEARTBEAT);
      call(rig, frameOf(30, 2));
      rig.outbound.flush();
      rig.transport.takeAll();
      expect(written()).toHaveLength(0);
      expect(rig.transport.wire.at(-1)).toEqual(frameOf(30, 2));
      call(rig, frameOf(40, 3));
      expect(written()).toEqual(frameOf(40, 3));
    },
  );

  test('is told to a session’s end; nothing is written after it', () => {
    const { rig, written } = lending();
    call(rig, frameOf(20, 1));
    rig.outbound.revoke();
    expect([rig.link.unsent, rig.link.directWrites]).toEqual([0, 1]);
    call(rig, frameOf(30, 2));
    expect(written()).toEqual(frameOf(20, 1));
    expect(rig.link.unsent).toBe(30);
  });

  test('is nothing where another file has the number by now', () => {
    const { rig, written } = lending();
    const [fd] = files as [number];
    closeSync(fd);
    const other = openSync(join(folder, 'other'), 'w');
    expect(other).toBe(fd);
    files.splice(0, 1, other);
    call(rig, frameOf(20));
    expect(written()).toHaveLength(0);
    expect(fstatSync(other).size).toBe(0);
    rig.outbound.flush();
    expect(rig.transport.waiting).toEqual(frameOf(20));
  });

  test.each(['writeSync', 'fstatSync'] as const)(
    'does not get to what a program has put in place of %s',
    (name) => {
      const { rig, written } = lending();
      const replaced = jest.spyOn(fs, name).mockImplementation(() => {
        throw new Error('it is the program’s own');
      });
      try {
        call(rig, frameOf(20));
      } finally {
        replaced.mockRestore();
      }
      expect(written()).toEqual(frameOf(20));
    },
  );

  test('is nothing where the number is no file’s any more; main does not try that again', () => {
    const { rig } = lending();
    closeSync(files.pop()!);
    call(rig, frameOf(20));
    rig.outbound.flush();
    rig.transport.takeAll();
    expect(rig.transport.wire).toEqual([frameOf(20)]);
    expect(rig.link.directWrites).toBeUndefined();
  });

  test('and is never finished, since main was ended in it, ends the connection in words of its own', () => {
    const { rig } = lending();
    const ended = jest.fn();
    const transport = rig.transport as unknown as Transport;
    const outbound = new Outbound(rig.worker, transport, () => false, undefined, ended);
    const { words } = mapMemory(rig.link.memory);
    Atomics.store(words, WORD.WRITER, WRITER.MAIN);
    const wait = jest.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
    try {
      outbound.append(HEARTBEAT);
      outbound.flush();
      expect(outbound.interject(HEARTBEAT)).toBe(false);
    } finally {
      wait.mockRestore();
    }
    expect(ended).toHaveBeenCalledTimes(3);
    expect(rig.transport.writes).toEqual([]);
  });

  test('does not fill the ring with what the worker has not seen', async () => {
    const { rig, written } = lending();
    rig.outbound.flush(); // and parks
    for (let number = 0; number < 20; number++) {
      expect(rig.link.outbound.hasRoom(50)).toBe(true);
      call(rig, frameOf(50, number));
      await portsSettled();
      rig.transport.takeAll();
    }
    expect(rig.rings).toBeGreaterThan(0);
    expect(written().length + Buffer.concat(rig.transport.wire).length).toBe(1000);
  });

  test('is a stream as long as nobody rests between: the worker sends that, but for a try now and then', async () => {
    const { rig } = lending();
    rig.outbound.flush(); // and parks
    for (let number = 0; number < 100; number++) {
      rig.send(frameOf(20, number));
      await portsSettled();
      rig.transport.takeAll();
    }
    expect(rig.link.directWrites).toBe(8);
    for (let number = 0; number < 300; number++) {
      rig.send(frameOf(20, number));
      rig.outbound.flush();
      rig.transport.takeAll();
      rig.link.waitReadable(rig.link.state, 0);
    }
    expect(rig.link.directWrites).toBeGreaterThan(30); // now it rests after each
  });
});
