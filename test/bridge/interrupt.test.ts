import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { built } from '../support/built';
import type { SleepingChildOptions } from '../support/programs/sleeping-child';

/** Milliseconds after which a wait of the child has left its plain, uninterruptible first part of 5, on a busy machine too. */
const ASLEEP = 400;
/** Milliseconds of a wait that is interrupted long before. */
const LONG = 20_000;
/** What an interruption ends is over by then, far from the end of a long wait. */
const SOON = 10_000;
/** Nothing here lasts longer; the child is killed then. */
const CEILING = 60_000;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Ended {
  lines: string[];
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Run a sleeping child to its end; `react` may do something to it after each of its lines. */
function run(
  options: Partial<SleepingChildOptions>,
  react: (child: ChildProcess, line: string, lines: string[]) => void,
): Promise<Ended> {
  const all: SleepingChildOptions = {
    waits: [],
    interruptible: true,
    stallTimeout: 60_000,
    listener: false,
    nested: false,
    idle: 0,
    interruptsItself: false,
    ...options,
  };
  const script = built('test/support/programs/sleeping-child');
  const child = spawn(process.execPath, [script, JSON.stringify(all)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: CEILING,
  });
  children.push(child);
  const lines: string[] = [];
  createInterface(child.stdout!).on('line', (line) => {
    lines.push(line);
    react(child, line, lines);
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ lines, code, signal }));
  });
}

/** Press Ctrl-C once the child sleeps, in those of its waits that are named. */
const ctrlC =
  (...waits: number[]) =>
  (child: ChildProcess, line: string, lines: string[]) => {
    const wait = lines.filter((each) => each === 'waiting').length - 1;
    if (line === 'waiting' && waits.includes(wait)) setTimeout(() => child.kill('SIGINT'), ASLEEP);
  };

/** `interrupted after 152` is `['interrupted', 152]`. */
function endings(lines: string[]): [string, number][] {
  return lines
    .map((line) => line.split(' after '))
    .filter((parts) => parts.length === 2)
    .map(([result, ms]) => [result!, Number(ms)]);
}

describe('Ctrl-C during a wait of the main thread', () => {
  test.each([false, true])(
    'ends it, and the thread can wait again (SIGINT listener: %p)',
    async (listener) => {
      const { lines, code, signal } = await run({ waits: [LONG, 300, LONG], listener }, ctrlC(0, 2));
      const [first, second, third] = endings(lines);
      expect([first![0], second![0], third![0]]).toEqual(['interrupted', 'timeout', 'interrupted']);
      expect(first![1]).toBeLessThan(SOON);
      expect(second![1]).toBeGreaterThanOrEqual(300);
      expect(third![1]).toBeLessThan(SOON);
      expect(lines).not.toContain('listener ran'); // the wait has consumed the signal
      expect([code, signal]).toEqual([7, null]);
    },
  );

  test.each([false, true])('between two of its slices, too (SIGINT listener: %p)', async (listener) => {
    const { lines, code, signal } = await run({ waits: [LONG], listener, interruptsItself: true }, () => {});
    expect(endings(lines).map(([result]) => result)).toEqual(['interrupted']);
    expect([code, signal]).toEqual([7, null]);
  });

  test('after a wait the signal does what it did before', async () => {
    const whenIdle = (child: ChildProcess, line: string) => void (line === 'idle' && child.kill('SIGINT'));
    const plain = await run({ waits: [50], idle: LONG }, whenIdle);
    expect([plain.code, plain.signal]).toEqual([null, 'SIGINT']);
    const heard = await run({ waits: [50], idle: 300, listener: true }, whenIdle);
    expect(heard.lines).toContain('listener ran');
    expect(heard.code).toBe(7);
  });
});

describe('Ctrl-C during a wait that is not interruptible', () => {
  test('ends the process, as it does a program in a loop', async () => {
    const { lines, signal } = await run({ waits: [LONG], interruptible: false }, ctrlC(0));
    expect([lines, signal]).toEqual([['waiting'], 'SIGINT']);
  });

  test('reaches a listener when the wait is over', async () => {
    const { lines, code } = await run(
      { waits: [2000], interruptible: false, listener: true, idle: 300 },
      ctrlC(0),
    );
    expect(lines).toEqual(['waiting', expect.stringMatching(/^timeout/), 'idle', 'listener ran', 'end']);
    expect(code).toBe(7);
  });

  test('is what a nested worker has: the main thread takes the signal', async () => {
    const { lines, code } = await run({ waits: [2000], nested: true, listener: true }, ctrlC(0));
    const [[result, ms] = []] = endings(lines);
    expect(result).toBe('timeout');
    expect(ms).toBeGreaterThanOrEqual(2000);
    expect(lines.indexOf('listener ran')).toBe(1); // while the worker still slept
    expect(code).toBe(7);
  });
});

test('a process that was suspended does not take its worker for stalled', async () => {
  const suspend = (child: ChildProcess, line: string) => {
    if (line !== 'waiting') return;
    setTimeout(() => child.kill('SIGSTOP'), ASLEEP);
    setTimeout(() => child.kill('SIGCONT'), ASLEEP + 3000);
  };
  const { lines } = await run({ waits: [3000], stallTimeout: 1500, interruptible: false }, suspend);
  const [[result, ms] = []] = endings(lines);
  expect(ms).toBeGreaterThanOrEqual(3000);
  expect(result).toBe('timeout');
});
