import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, type } from 'node:os';
import { join } from 'node:path';
import { barChart, type Panel } from './chart';
import { judge, verdictCells } from './goals';
import type { Measurement } from './measure';
import { dashes, speedCells, speedHead } from './overview';
import { OURS } from './peers';
import type { Results } from './results';
import { type BrokerKind, type Row, titleOf } from './scenarios';
import { short } from './statistics';
import { markdown } from './table';

export interface Circumstances {
  /** The brokers measured against, by their kind. */
  brokers: ReadonlyMap<BrokerKind, string>;
  rounds: number;
  notes: readonly string[];
}

/** Write report.md and its charts into a folder. */
export function writeReport(folder: string, results: Results, about: Circumstances): void {
  mkdirSync(folder, { recursive: true });
  const sections = [...about.brokers].map(([kind, name]) => section(folder, results, kind, name));
  const verdicts = judge(results).map(verdictCells);
  const text = [
    '# Benchmark',
    `${about.rounds > 1 ? `Medians of ${about.rounds} interleaved rounds` : 'One round'}, ${new Date().toISOString().slice(0, 10)}, ${machine()}. ` +
      'In parentheses: microseconds of CPU that the client takes per message, all of its threads. ' +
      'Repeat it with `npm run bench`; absolute figures are of the machine, the ratios are what counts.',
    ...sections.flat(),
    '## Where we want to be',
    verdicts.length === 0
      ? 'Nothing to compare with was measured.'
      : markdown([['', 'broker', 'scenario', 'ours', 'wanted', '', 'ours / wanted'], ...verdicts]),
    ...remarks([...about.notes, ...dashes(results)]),
    '',
  ];
  writeFileSync(join(folder, 'report.md'), text.join('\n\n'));
}

function section(folder: string, results: Results, kind: BrokerKind, name: string): string[] {
  const rows = results.rows.filter(({ broker }) => broker === kind);
  const charts: string[] = [];
  const chart = (what: string, title: string, how: string, panels: Panel[]) => {
    if (panels.length === 0) return;
    const file = `${what}-${kind}.svg`;
    writeFileSync(join(folder, file), barChart(`${title}, against ${name}`, how, panels));
    charts.push(`![${title}, against ${name}](${file})`);
  };
  const perMessage = rows.filter(({ scenario }) => scenario !== 'I');
  const waiting = rows.filter((row) => results.peers.some((peer) => (results.of(row, peer)?.p50 ?? 0) > 0));
  chart(
    'throughput',
    'Messages per second',
    'Longer is better.',
    panels(results, perMessage, ({ perSecond }) => [perSecond, short(perSecond)]),
  );
  chart(
    'cpu',
    'CPU of the client per message',
    'Microseconds, all threads. Shorter is better.',
    panels(results, perMessage, ({ cpu }) => [cpu, `${short(cpu)} us`]),
  );
  chart(
    'latency',
    'Time of one call',
    'Median / 99th percentile, microseconds. Shorter is better.',
    panels(results, waiting, ({ p50, p99 }) => [p50, `${short(p50)} / ${short(p99)}`]),
  );
  const column = (row: Row, show: (one: Measurement) => string) => [
    titleOf(row),
    ...results.peers.map((peer) => {
      const one = results.of(row, peer);
      return one === undefined ? '-' : show(one);
    }),
  ];
  const table = (heading: string, body: string[][]) =>
    body.length === 0 ? [] : [heading, markdown([['', ...results.peers], ...body])];
  return [
    `## Against ${name}`,
    ...charts.slice(0, 1),
    markdown([speedHead(results), ...rows.map((row) => speedCells(results, row))]),
    ...charts.slice(1),
    ...table(
      'Time of one call, median / 99th percentile, microseconds:',
      waiting.map((row) => column(row, ({ p50, p99 }) => `${short(p50)} / ${short(p99)}`)),
    ),
    ...table(
      'Peak resident memory, MiB:',
      rows.map((row) => column(row, ({ rss }) => rss.toFixed(0))),
    ),
  ];
}

/** Bars of every peer; who has no figure gets a dash. */
function panels(
  results: Results,
  rows: readonly Row[],
  show: (one: Measurement) => [value: number, text: string],
): Panel[] {
  return rows.map((row) => ({
    title: titleOf(row),
    bars: results.peers.map((label) => {
      const one = results.of(row, label);
      const [value, text] = one === undefined ? [undefined, '-'] : show(one);
      return { label, value, text, strong: label === OURS };
    }),
  }));
}

function remarks(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['## Not measured', lines.map((line) => `- ${line}`).join('\n')];
}

export function machine(): string {
  const { length } = cpus();
  const model = cpus()[0]?.model.trim() || 'unknown processor';
  return `Node ${process.versions.node} on ${type()}, ${length} x ${model}`;
}
