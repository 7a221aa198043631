import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from '../built';
import { answersAmqp, rabbitmqFolder, startRabbitmq } from './rabbitmq';

export interface FoundBroker {
  url: string;
  /** Where it was found, for the reader of a log. */
  how: string;
  /** Stop what was started here; a broker that was already there is left alone. */
  stop(): Promise<void>;
}

const LOCAL_URL = 'amqp://guest:guest@localhost:5672/';

/** What to do where there is no RabbitMQ. */
export const ADVICE =
  'install rabbitmq-server (on Debian or Ubuntu: sudo apt-get install rabbitmq-server), or set AMQP_URL to a ' +
  'running broker, for example one started by `docker run --rm -p 5672:5672 rabbitmq`';

/**
 * The RabbitMQ that AMQP_URL names, else the one on this machine's usual port, else a private one, if it is installed.
 * RABBITMQ_BIN stands for a private one of that folder: whatever listens on the usual port is another.
 */
export async function findRabbitmq(): Promise<FoundBroker | undefined> {
  const found = await runningBroker();
  if (found !== undefined || !rabbitmqFolder()) return found;
  const begin = Date.now();
  const rabbitmq = await startRabbitmq();
  say(`started a private RabbitMQ in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  return { url: rabbitmq.url, how: 'a private RabbitMQ', stop: () => rabbitmq.stop() };
}

/** The same, for those who can do nothing without. @throws {Error} one sentence that says what to do */
export async function needRabbitmq(): Promise<FoundBroker> {
  const found = await findRabbitmq();
  if (found === undefined) throw new Error(`No AMQP broker found: ${ADVICE}.`);
  return found;
}

/** A broker that runs already: the one AMQP_URL names, else the one on this machine's usual port, unless RABBITMQ_BIN is set. */
export async function runningBroker(): Promise<FoundBroker | undefined> {
  const { AMQP_URL } = process.env;
  const stop = async () => {};
  if (AMQP_URL) {
    if (await answersAmqp(AMQP_URL)) return { url: AMQP_URL, how: 'AMQP_URL', stop };
    say(`no broker answers at AMQP_URL (${withoutPassword(AMQP_URL)}); looking for another one`);
  }
  if (process.env.RABBITMQ_BIN) return undefined;
  return (await answersAmqp(LOCAL_URL)) ? { url: LOCAL_URL, how: 'localhost:5672', stop } : undefined;
}

/** The embedded broker, in a process of its own: what waits in its queues is no memory of jest's. */
export async function startEmbedded(): Promise<FoundBroker> {
  const library = join(build(), 'src', 'index.js');
  const child = spawn(process.execPath, [join(__dirname, 'embedded.cjs'), library], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const ended = gone.then(() => Promise.reject(new Error('the embedded broker ended before it listened')));
  const [url] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [string];
  ended.catch(() => {}); // as told, later
  const stop = async () => {
    child.stdin.end();
    await gone;
  };
  return { url, how: 'the embedded broker', stop };
}

export function say(note: string): void {
  process.stderr.write(`amqp-sync: ${note}\n`);
}

function withoutPassword(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'not a URL';
}
