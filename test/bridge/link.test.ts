import { MessageChannel, type Worker } from 'node:worker_threads';
import { mapMemory, STATE, WORD } from '../../src/bridge/layout';
import { Link, type WaitResult } from '../../src/bridge/link';
import type { Command, ObedientThreadOptions } from '../support/obedient-thread';
import { startThread } from '../support/threads';

/** Nobody waits longer than this, whatever goes wrong. */
const CEILING = 5000;
/** A loaded machine may let a thread wait for its turn; the slices of a wait are longer. */
const LATE = 150;

const workers: Worker[] = [];
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));

interface Waited {
  result: WaitResult;
  /** Milliseconds. */
  took: number;
}

/** Block on `link` for at most `ms`. */
function wait(link: Link, { ms = CEILING, state = link.state, interruptible = false } = {}): Waited {
  const began = performance.now();
  const result = link.waitReadable(state, began + ms);
  void interruptible;
  return { result, took: performance.now() - began };
}

/** A link whose worker is there, but silent: the other end of the doorbell is in this thread. */
function lonely(capacity = 1024, stallTimeout = 60_000): Link {
  const link = new Link(capacity, false, stallTimeout);
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  port2.unref();
  link.attach(port1);
  return link;
}
