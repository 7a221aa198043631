import type { Broker } from './brokers';
import { type Command, firstLine, run, start } from './children';
import type { Peer } from './peers';
import type { Row } from './scenarios';
import { median } from './statistics';

/** What one run of a driver found. */
export interface Measurement {
  /** Messages or calls. */
  perSecond: number;
  /** CPU microseconds of the client's process per message, all threads. */
  cpu: number;
  /** Those of its main thread, where it tells. */
  main: number;
  /** Microseconds of a single call; 0 where calls do not wait. */
  p50: number;
  p99: number;
  /** Peak resident set, MiB. */
  rss: number;
  /** The whole process, milliseconds; only in scenario I. */
  wall: number;
}

interface DriverResult {
  n: number;
  secs: number;
  cpu: number;
  main?: number;
  rss_kb: number;
  p50: number;
  p99: number;
}

/** @throws {Error} why there is no figure */
export async function measure(peer: Peer, row: Row, broker: Broker, timeout: number): Promise<Measurement> {
  const { scenario } = row;
  if (scenario === 'I') return wholeProcess(peer, row, broker, timeout);
  const count = Math.max(50, Math.round(row.count * peer.pace));
  const queue = await broker.prepare(row, count);
  const driver = (name: string) =>
    withArgs(peer.command, name, row.size, count, row.rounds, broker.url, queue);
  if (scenario !== 'H') return figures(JSON.parse(await run(driver(scenario), timeout)));
  const server = start(driver('HS'));
  try {
    await firstLine(server, 20_000);
    return figures(JSON.parse(await run(driver('H'), timeout)));
  } finally {
    server.kill('SIGKILL');
  }
}

async function wholeProcess(peer: Peer, row: Row, broker: Broker, timeout: number): Promise<Measurement> {
  const queue = await broker.prepare(row, 1);
  const walls: number[] = [];
  let last: Measurement | undefined;
  for (let index = 0; index < row.count; index++) {
    const begin = performance.now();
    const out = await run(withArgs(peer.command, 'I', row.size, 1, 1, broker.url, queue), timeout);
    walls.push(performance.now() - begin);
    last = figures({ ...JSON.parse(out), n: 1 });
  }
  const wall = median(walls);
  return { ...last!, wall, perSecond: 1000 / wall };
}

function withArgs({ file, args, env = {} }: Command, ...more: (string | number)[]): Command {
  return { file, args: [...args, ...more.map(String)], env };
}

function figures({ n, secs, cpu, main = 0, rss_kb, p50, p99 }: DriverResult): Measurement {
  const perMessage = (seconds: number) => (seconds * 1e6) / n;
  return {
    perSecond: n / secs,
    cpu: perMessage(cpu),
    main: perMessage(main),
    p50,
    p99,
    rss: rss_kb / 1024,
    wall: 0,
  };
}
