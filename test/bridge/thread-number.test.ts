import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { hasEnded, threadNumber } from '../../src/bridge/thread-number';

const isLinux = process.platform === 'linux';

test('the number of the calling thread is another for each thread; without a table of threads it is 0', () => {
  expect(threadNumber()).toBe(isLinux ? process.pid : 0);
});

test('a thread has ended once it is listed no more', async () => {
  if (!isLinux) return expect(hasEnded(1)).toBe(false);
  const source = `const { parentPort } = require('node:worker_threads');
    parentPort.postMessage(require('node:fs').readlinkSync('/proc/thread-self').split('/').pop());
    parentPort.on('message', () => {});`;
  const worker = new Worker(source, { eval: true });
  const [number] = (await once(worker, 'message')) as [string];
  expect(Number(number)).not.toBe(process.pid);
  expect(hasEnded(Number(number))).toBe(false);
  await worker.terminate();
  expect(hasEnded(Number(number))).toBe(true);
});

test('of a thread whose number is not known nothing is said', () => {
  expect(hasEnded(0)).toBe(false);
});

test.each<[string, () => boolean]>([
  ['nothing', () => false],
  [
    'an error',
    () => {
      throw new Error('no permission');
    },
  ],
])('a program that may not look any more, and finds %s, says nothing of any thread', (_, existsSync) => {
  jest.isolateModules(() => {
    jest.doMock('node:fs', () => ({ existsSync, readlinkSync: () => `${process.pid}` }));
    const blind = require('../../src/bridge/thread-number') as { hasEnded: typeof hasEnded };
    expect(blind.hasEnded(process.pid)).toBe(false);
  });
  jest.dontMock('node:fs');
});
