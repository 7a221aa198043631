import type { Measurement } from './measure';
import { NODE_PEERS, OURS } from './peers';
import type { Results } from './results';
import { type Row, titleOf } from './scenarios';
import { short, times } from './statistics';

const RATIOS = ['bestNode', 'librabbitmq', 'pika'] as const;

/** Whom we compare with, as far as they took part. */
function compared({ peers }: Results): (typeof RATIOS)[number][] {
  return RATIOS.filter((peer) =>
    (peer === 'bestNode' ? NODE_PEERS : [peer]).some((name) => peers.includes(name)),
  );
}

/** Throughput with CPU, ratios, latencies and memory of each row: cells for a table. */
export function overview(results: Results, rows: readonly Row[]): string[][] {
  const { peers } = results;
  const blank = compared(results).map(() => '');
  const cells: string[][] = [
    ['', ...peers, ...compared(results).map((peer) => `ours/${peer === 'bestNode' ? 'best Node' : peer}`)],
  ];
  for (const row of rows) {
    const latencies = peers.some((peer) => (results.of(row, peer)?.p50 ?? 0) > 0);
    cells.push(speedCells(results, row));
    if (latencies) {
      const spread = (peer: string) =>
        cell(results, row, peer, ({ p50, p99 }) => `${short(p50)}/${short(p99)}`);
      cells.push(['   p50/p99 us', ...peers.map(spread), ...blank]);
    }
    const ownThread = ({ main }: Measurement) => (main > 0 ? short(main) : '');
    if (peers.some((peer) => results.of(row, peer)?.main)) {
      const share = peers.map((peer) =>
        peer === OURS || peer === 'baseline' ? cell(results, row, peer, ownThread) : '',
      );
      cells.push(['   main thread us', ...share, ...blank]);
    }
    cells.push([
      '   peak RSS MiB',
      ...peers.map((peer) => cell(results, row, peer, ({ rss }) => rss.toFixed(0))),
      ...blank,
    ]);
  }
  return cells;
}

/** One line: messages per second and (CPU us per message), or milliseconds for a whole process. */
export function speedCells(results: Results, row: Row): string[] {
  const whole = row.scenario === 'I';
  const speed = (peer: string) =>
    cell(results, row, peer, ({ perSecond, cpu, wall }) =>
      whole ? `${short(wall)} ms` : `${short(perSecond)} (${short(cpu)})`,
    );
  return [
    titleOf(row),
    ...results.peers.map(speed),
    ...compared(results).map((peer) => times(results.ratio(row, peer, whole ? 'wall' : 'perSecond'))),
  ];
}

/** The head of tables of `speedCells`. */
export function speedHead(results: Results): string[] {
  const names = compared(results).map((peer) => `ours / ${peer === 'bestNode' ? 'best Node' : peer}`);
  return ['', ...results.peers, ...names];
}

function cell(results: Results, row: Row, peer: string, show: (figures: Measurement) => string): string {
  const figures = results.of(row, peer);
  return figures === undefined ? '-' : show(figures);
}

/** Why there are dashes, each reason once. */
export function dashes(results: Results): string[] {
  const places = new Map<string, string[]>();
  for (const row of results.rows) {
    for (const peer of results.peers) {
      const reason = results.reason(row, peer);
      if (reason === undefined || results.of(row, peer) !== undefined) continue;
      const what = `${peer}: ${reason}`;
      places.set(what, [...(places.get(what) ?? []), `${row.scenario} (${row.broker})`]);
    }
  }
  return [...places].map(([what, where]) => `${what} [${[...new Set(where)].join(', ')}]`);
}
