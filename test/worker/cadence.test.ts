/** When the worker looks again by itself: naps while a stream comes, a short watch after anything else. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Link } from '../../src/bridge/link';
import { WorkerLink } from '../../src/bridge/worker-link';
import { Cadence } from '../../worker/connection/cadence';

const STREAM = false;
const ANSWER = true;

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

class Rig {
  readonly link = new Link(1024, false, 60_000);
  readonly worker: WorkerLink;
  readonly cadence: Cadence;
  /** What happened, in order. */
  readonly story: string[] = [];

  constructor() {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    this.link.attach(port1);
    const nothing = () => {};
    this.worker = new WorkerLink(this.link.memory, this.link.bell.memory, port2, nothing, nothing);
    this.cadence = new Cadence(this.worker, () => this.story.push('look'));
    const nap = this.worker.nap.bind(this.worker);
    jest.spyOn(this.worker, 'nap').mockImplementation((ms) => {
      this.story.push('nap');
      nap(ms);
    });
  }

  write(): void {
    this.link.outbound.write(Buffer.of(1), 0, 1);
  }

  /** As long as it is not still; `inTurn` happens in each turn of the event loop, as what a socket brings does. */
  async untilStill(inTurn: (turn: number) => void = () => {}): Promise<void> {
    for (let turn = 0; !this.cadence.isStill; turn++) {
      if (turn > 100_000) throw new Error('it never comes to rest');
      inTurn(turn);
      await new Promise(setImmediate);
    }
  }
}

describe('a stream', () => {
  test('is looked at after naps, as long as more comes', async () => {
    const { cadence, story, untilStill } = bound(new Rig());
    cadence.came(100, STREAM);
    expect(cadence.isStill).toBe(false);
    await untilStill((turn) => turn > 0 && turn < 4 && cadence.came(100, STREAM));
    expect(story.slice(0, 4)).toEqual(['nap', 'look', 'nap', 'look']);
    expect(story.filter((what) => what === 'nap')).toHaveLength(4);
    expect(story.slice(-2)).toEqual(['nap', 'look']); // the last time in vain
  });

  test('that brings plenty is not napped for', async () => {
    const { cadence, story, untilStill } = bound(new Rig());
    cadence.came(1 << 20, STREAM);
    await untilStill();
    expect(story).toEqual(['look']);
  });

  test('has no naps while main waits for an answer', async () => {
    const { cadence, story, worker, untilStill } = bound(new Rig());
    cadence.came(100, STREAM);
    await new Promise(setImmediate);
    Object.defineProperty(worker, 'isAwaited', { value: true });
    await untilStill(() => cadence.came(100, STREAM));
    expect(story.filter((what) => what === 'nap')).toHaveLength(1);
  });

  test('ends with the session', async () => {
    const { cadence, story, untilStill } = bound(new Rig());
    cadence.came(100, STREAM);
    cadence.stop();
    await untilStill(() => cadence.came(100, STREAM));
    expect(story).not.toContain('look');
    cadence.came(100, STREAM);
    expect(cadence.isStill).toBe(true);
  });
});

describe('single messages', () => {
  test('are no stream any more after some that nothing followed, but for a try now and then', async () => {
    const { cadence, story, untilStill } = bound(new Rig());
    for (let message = 0; message < 200; message++) {
      cadence.came(100, STREAM);
      await untilStill();
    }
    expect(story.filter((what) => what === 'nap')).toHaveLength(8);
  });
});

describe('after an answer', () => {
  test('what main writes next is found without the doorbell', async () => {
    const rig = new Rig();
    const { cadence, story, worker, untilStill } = bound(rig);
    worker.park();
    cadence.came(20, ANSWER);
    const post = jest.spyOn(rig.link, 'post');
    await untilStill((turn) => {
      if (turn !== 0) return;
      rig.write();
      rig.link.send();
    });
    expect(post).not.toHaveBeenCalled();
    expect(story).toEqual(['look']);
  });

  test('it rests when main writes nothing', async () => {
    const { cadence, story, untilStill } = bound(new Rig());
    cadence.came(20, ANSWER);
    await untilStill();
    expect(story).toEqual(['look']);
  });

  test('it is not watched for any more when main never has anything to say', async () => {
    const { cadence, untilStill } = bound(new Rig());
    for (let answer = 0; answer < 8; answer++) {
      cadence.came(20, ANSWER);
      expect(cadence.isStill).toBe(false);
      await untilStill();
    }
    cadence.came(20, ANSWER);
    expect(cadence.isStill).toBe(true);
  });
});

/** Its parts, to be taken apart. */
function bound(rig: Rig) {
  const { cadence, story, worker } = rig;
  return { cadence, story, worker, untilStill: rig.untilStill.bind(rig) };
}
