import type { Metric, Results } from './results';
import { type BrokerKind, keyOf, type Row, type Scenario, titleOf } from './scenarios';
import { short } from './statistics';

const KIB = 1024;

/** `theirs` times `factor` plus `plus`; or `limit` alone. For rates at least that, for everything else at most. */
export interface Goal {
  broker: BrokerKind;
  scenario: Scenario;
  /** None: each size measured. */
  sizes?: readonly number[];
  metric: Metric;
  peer?: string;
  factor?: number;
  plus?: number;
  limit?: number;
}

type GoalOf = Omit<Goal, 'broker'>;

const rate = (scenario: Scenario, peer: string, factor: number, ...sizes: number[]): GoalOf => ({
  scenario,
  metric: 'perSecond',
  peer,
  factor,
  ...(sizes.length > 0 && { sizes }),
});
const atMost = (
  metric: Metric,
  scenario: Scenario,
  peer: string,
  factor: number,
  ...sizes: number[]
): GoalOf => ({ scenario, metric, peer, factor, ...(sizes.length > 0 && { sizes }) });
const memory = (scenario: Scenario): GoalOf => ({
  scenario,
  metric: 'rss',
  peer: 'amqplib',
  factor: 1,
  plus: 12,
});

/**
 * Where we must be: single calls as fast as the best asynchronous client in Node, streams ahead of it. The baseline is
 * version 0.1.0, where it takes part.
 */
export const GOALS: readonly Goal[] = [
  ...[
    rate('A', 'bestNode', 1.3),
    rate('C', 'bestNode', 1.2),
    ...(['B', 'F', 'G'] as const).flatMap((call) => [
      rate(call, 'bestNode', 1),
      rate(call, 'pika', 1.2),
      rate(call, 'baseline', 1.4),
      atMost('cpu', call, 'baseline', 0.55),
      atMost('p50', call, 'librabbitmq', 1.5),
    ]),
    rate('D', 'bestNode', 1.1),
    atMost('cpu', 'D', 'amqplib', 0.8),
    rate('E', 'bestNode', 1.05, 16, KIB),
    rate('E', 'bestNode', 1.3, 64 * KIB),
    rate('H', 'bestNode', 1),
    rate('H', 'pika', 1.1),
    atMost('wall', 'I', 'amqplib', 1.25),
    ...(['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I'] as const).map(memory),
  ].map((goal) => ({ ...goal, broker: 'rabbitmq' }) as const),
  ...[
    ...(['A', 'B', 'C', 'D', 'E', 'G'] as const).map((scenario) => rate(scenario, 'baseline', 1)),
    rate('D', 'bestNode', 1.5),
    rate('E', 'bestNode', 1.5),
    atMost('p50', 'G', 'bestNode', 0.5),
    ...(['A', 'B', 'C', 'D', 'E', 'G'] as const).map(memory),
  ].map((goal) => ({ ...goal, broker: 'null' }) as const),
];

export interface Verdict {
  goal: Goal;
  row: Row;
  met: boolean;
  ours: number;
  bound: number;
}

const UNITS: Record<Metric, string> = {
  perSecond: '/s',
  cpu: ' us CPU',
  main: ' us CPU',
  p50: ' us p50',
  p99: ' us p99',
  rss: ' MiB',
  wall: ' ms',
};

/** What became of the goals for which there are figures. */
export function judge(results: Results, goals: readonly Goal[] = GOALS): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const row of results.rows) {
    for (const goal of goals) {
      const { sizes, metric, peer, factor = 1, plus = 0, limit } = goal;
      if (keyOf({ ...goal, size: row.size }) !== keyOf(row) || sizes?.includes(row.size) === false) continue;
      const ours = results.value(row, 'amqp-sync', metric);
      const theirs = peer === undefined ? undefined : results.value(row, peer, metric);
      const bound = limit ?? (theirs === undefined ? undefined : theirs * factor + plus);
      if (ours === undefined || bound === undefined) continue;
      verdicts.push({ goal, row, ours, bound, met: metric === 'perSecond' ? ours >= bound : ours <= bound });
    }
  }
  return verdicts;
}

/** `fails  A publish, 16 B, null: 61.0k/s, wanted at least 2.26M/s (4 x bestNode): 0.03 of it` as cells. */
export function verdictCells({ goal, row, met, ours, bound }: Verdict): string[] {
  const { metric, peer, factor = 1, plus = 0 } = goal;
  const unit = UNITS[metric];
  const from = peer === undefined ? '' : `${factor} x ${peer}${plus > 0 ? ` + ${plus}` : ''}`;
  const sign = metric === 'perSecond' ? '>=' : '<=';
  return [
    met ? 'met' : 'FAILS',
    row.broker,
    titleOf(row),
    `${short(ours)}${unit}`,
    `${sign} ${short(bound)}${unit}`,
    from,
    `${(ours / bound).toFixed(2)} of it`,
  ];
}
