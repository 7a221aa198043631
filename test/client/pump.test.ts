/** How far the one loop of the blocking side goes, where that is hard to bring about from outside. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Link } from '../../src/bridge/link';
import { WorkerLink } from '../../src/bridge/worker-link';
import { Pump } from '../../src/client/pump';
import { FRAME } from '../../src/protocol/constants';
import { frame } from '../protocol/bytes';

const FRAME_BYTES = frame(FRAME.BODY, 1, Buffer.from('x'));
/** A loop that does not end by itself is ended by this. */
const ENDLESS = 1000;

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

const nothing = () => {};

/** Both sides of a small ring, on this thread. */
function bothSides(): { link: Link; worker: WorkerLink } {
  const link = new Link(1024, false, 60_000);
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  link.attach(port1);
  return { link, worker: new WorkerLink(link.memory, link.wakeSignal.memory, port2, nothing, nothing) };
}

/** A pump, and a broker that sends a frame for each one that is taken. */
function insatiable(): { pump: Pump; routed: () => number } {
  const { link, worker } = bothSides();
  const send = () => {
    worker.inbound.write(FRAME_BYTES, 0, FRAME_BYTES.length);
    worker.publish(worker.inbound.head);
  };
  let routed = 0;
  const route = () => {
    if (++routed < ENDLESS) send();
  };
  const pump = new Pump(link, { route, died: nothing, report: (error) => error });
  send();
  send();
  return { pump, routed: () => routed };
}

it('a poll takes what is there when it begins', () => {
  const { pump, routed } = insatiable();
  pump.poll();
  expect(routed()).toBe(2);
});

it('a wait takes nothing beyond its goal', () => {
  const { pump, routed } = insatiable();
  const goal = {
    get isDone() {
      return routed() >= 5;
    },
  };
  expect(pump.until(goal, performance.now() + 60_000)).toBe(true);
  expect(routed()).toBe(5);
});

it('what is owed to the broker goes out before what is written next, once there is room again', () => {
  const { link, worker } = bothSides();
  const pump = new Pump(link, { route: nothing, died: nothing, report: (error) => error });
  const written: string[] = [];
  const write = (name: string) =>
    pump.claim(10, () => void written.push(name), 0, { what: name, channel: 1 });
  link.outbound.claim(10);
  link.outbound.commit(10);
  pump.defer(() => void write('owed'));
  pump.defer(() => void write('owed, too'));
  pump.poll();
  worker.release(10);
  write('next');
  expect(written).toEqual(['owed', 'owed, too', 'next']);
});
