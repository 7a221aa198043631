import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { startBroker } from '../../src';
import { answersAmqp, type PrivateRabbitmq, rabbitmqFolder, startRabbitmq } from './rabbitmq';

export interface FoundBroker {
  url: string;
  /** Where it was found, for the reader of a log. */
  how: string;
  /** The node, if it was started here. */
  rabbitmq?: PrivateRabbitmq;
  /** Stop what was started here; a broker that was already there is left alone. */
  stop(): Promise<void>;
}

const LOCAL_URL = 'amqp://guest:guest@localhost:5672/';

/**
 * A broker to test against: the one AMQP_URL names, else the one on this machine's usual port, else the embedded
 * one or, as `otherwise` says, a private RabbitMQ, for which Debian's package is installed if need be and allowed.
 * AMQP_SYNC_BROKER=embedded takes the embedded one whatever else there is. Says on stderr what it does.
 * @throws {Error} one sentence that says what to do, when there is none to be had.
 */
export async function findBroker(otherwise: 'rabbitmq' | 'embedded' = 'rabbitmq'): Promise<FoundBroker> {
  const { AMQP_URL, AMQP_SYNC_BROKER } = process.env;
  if (AMQP_SYNC_BROKER === 'embedded') return startEmbedded();
  if (AMQP_URL) {
    if (await answersAmqp(AMQP_URL)) return { url: AMQP_URL, how: 'AMQP_URL', stop: async () => {} };
    say(`no broker answers at AMQP_URL (${withoutPassword(AMQP_URL)}); looking for another one`);
  }
  if (await answersAmqp(LOCAL_URL)) return { url: LOCAL_URL, how: 'localhost:5672', stop: async () => {} };
  if (otherwise === 'embedded') return startEmbedded();
  if (!rabbitmqFolder() && mayInstall()) await installRabbitmq();
  if (!rabbitmqFolder()) {
    throw new Error(
      'No AMQP broker found: install rabbitmq-server (on Debian or Ubuntu: sudo apt-get install rabbitmq-server), ' +
        'or set AMQP_URL to a running broker, for example one started by ' +
        '`docker run --rm -p 5672:5672 rabbitmq`.',
    );
  }
  const begin = Date.now();
  const rabbitmq = await startRabbitmq();
  say(`started a private RabbitMQ in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  return { url: rabbitmq.url, how: 'a private RabbitMQ', rabbitmq, stop: () => rabbitmq.stop() };
}

function startEmbedded(): FoundBroker {
  const broker = startBroker();
  say('started the embedded broker');
  return { url: broker.url, how: 'the embedded broker', stop: async () => broker.close() };
}

function mayInstall(): boolean {
  const { AMQP_SYNC_NO_INSTALL, PATH = '' } = process.env;
  const aptGet = PATH.split(delimiter).some((folder) => existsSync(join(folder, 'apt-get')));
  return !AMQP_SYNC_NO_INSTALL && process.getuid?.() === 0 && aptGet;
}

async function installRabbitmq(): Promise<void> {
  say("installing Debian's rabbitmq-server package with apt-get; AMQP_SYNC_NO_INSTALL=1 forbids it");
  // The tests start a node of their own: the package shall not start its service. The first variable tells systemctl
  // so, the second the older init scripts.
  const quiet = { DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1', RUNLEVEL: '1' };
  const aptGet = (...args: string[]) =>
    spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
      env: { ...process.env, ...quiet },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const runs = [aptGet('update'), aptGet('install', '-y', 'rabbitmq-server')];
  if (runs.at(-1)?.status !== 0) {
    process.stderr.write(runs.map((run) => run.stdout + run.stderr).join(''));
    return;
  }
  spawnSync('systemctl', ['disable', '--now', 'rabbitmq-server']); // nor shall it start at the next boot
  if (await answersAmqp(LOCAL_URL)) spawnSync('service', ['rabbitmq-server', 'stop']); // started all the same
}

function withoutPassword(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'not a URL';
}

function say(note: string): void {
  process.stderr.write(`amqp-sync: ${note}\n`);
}
