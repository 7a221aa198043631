/** Adaptive polling of the worker: short sleeps while a stream comes, a short spin after anything else. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Link } from '../../src/bridge/link';
import { WorkerLink } from '../../src/bridge/worker-link';
import { AdaptivePolling } from '../../worker/connection/adaptive-polling';

const STREAM = false;
const ANSWER = true;

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

class Rig {
  readonly link = new Link(1024, false, 60_000);
  readonly worker: WorkerLink;
  readonly polling: AdaptivePolling;
  /** Polls and sleeps, in order. */
  readonly story: string[] = [];

  constructor() {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    this.link.attach(port1);
    const nothing = () => {};
    this.worker = new WorkerLink(this.link.memory, this.link.wakeSignal.memory, port2, nothing, nothing);
    this.polling = new AdaptivePolling(this.worker, () => this.story.push('poll'));
    const nap = this.worker.nap.bind(this.worker);
    jest.spyOn(this.worker, 'nap').mockImplementation((ms) => {
      this.story.push('nap');
      nap(ms);
    });
  }

  write(): void {
    this.link.outbound.write(Buffer.of(1), 0, 1);
  }

  /** Turns of the event loop until no poll is due; `inTurn` happens in each, as what a socket brings does. */
  async untilIdle(inTurn: (turn: number) => void = () => {}): Promise<void> {
    for (let turn = 0; !this.polling.isIdle; turn++) {
      if (turn > 100_000) throw new Error('it never comes to rest');
      inTurn(turn);
      await new Promise(setImmediate);
    }
  }
}

describe('a stream', () => {
  test('is polled after short sleeps, as long as more comes', async () => {
    const { polling, story, untilIdle } = bound(new Rig());
    polling.received(100, 6, STREAM);
    expect(polling.isIdle).toBe(false);
    await untilIdle((turn) => turn > 0 && turn < 4 && polling.received(100, 6, STREAM));
    expect(story.slice(0, 4)).toEqual(['nap', 'poll', 'nap', 'poll']);
    expect(story.filter((what) => what === 'nap')).toHaveLength(4);
    expect(story.slice(-2)).toEqual(['nap', 'poll']); // the last time in vain
  });

  test('that brings enough at once is polled without sleep', async () => {
    const { polling, story, untilIdle } = bound(new Rig());
    polling.received(1 << 20, 6, STREAM);
    await untilIdle();
    expect(story).toEqual(['poll']);
  });

  test('is not slept for while main waits for an answer', async () => {
    const { polling, story, worker, untilIdle } = bound(new Rig());
    polling.received(100, 6, STREAM);
    await new Promise(setImmediate);
    Object.defineProperty(worker, 'isAwaited', { value: true });
    await untilIdle(() => polling.received(100, 6, STREAM));
    expect(story.filter((what) => what === 'nap')).toHaveLength(1);
  });

  test('ends with the session', async () => {
    const { polling, story, untilIdle } = bound(new Rig());
    polling.received(100, 6, STREAM);
    polling.stop();
    await untilIdle(() => polling.received(100, 6, STREAM));
    expect(story).not.toContain('poll');
    polling.received(100, 6, STREAM);
    expect(polling.isIdle).toBe(true);
  });
});

describe('single messages', () => {
  test('are no stream any more after some that nothing followed, but for a try now and then', async () => {
    const { polling, story, untilIdle } = bound(new Rig());
    for (let message = 0; message < 200; message++) {
      polling.received(100, 6, STREAM);
      await untilIdle();
    }
    expect(story.filter((what) => what === 'nap')).toHaveLength(8);
  });
});

describe('after an answer', () => {
  test('the next message of main is found without the doorbell', async () => {
    const rig = new Rig();
    const { polling, story, worker, untilIdle } = bound(rig);
    worker.park();
    polling.received(20, 1, ANSWER);
    const post = jest.spyOn(rig.link, 'post');
    await untilIdle((turn) => {
      if (turn !== 0) return;
      rig.write();
      rig.link.send();
    });
    expect(post).not.toHaveBeenCalled();
    expect(story).toEqual(['poll']);
  });

  test('the worker spins for a moment only when main writes nothing', async () => {
    const { polling, story, untilIdle } = bound(new Rig());
    polling.received(20, 1, ANSWER);
    await untilIdle();
    expect(story).toEqual(['poll']);
  });

  test('the worker spins no more when main never has anything to say', async () => {
    const { polling, untilIdle } = bound(new Rig());
    for (let answer = 0; answer < 8; answer++) {
      polling.received(20, 1, ANSWER);
      expect(polling.isIdle).toBe(false);
      await untilIdle();
    }
    polling.received(20, 1, ANSWER);
    expect(polling.isIdle).toBe(true);
  });
});

/** Parts of the rig, to be taken apart. */
function bound(rig: Rig) {
  const { polling, story, worker } = rig;
  return { polling, story, worker, untilIdle: rig.untilIdle.bind(rig) };
}
