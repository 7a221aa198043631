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
const cpu = (scenario: Scenario, limit: number, ...sizes: number[]): GoalOf => ({
  scenario,
  metric: 'cpu',
  limit,
  ...(sizes.length > 0 && { sizes }),
});
const memory = (scenario: Scenario): GoalOf => ({
  scenario,
  metric: 'rss',
  peer: 'amqplib',
  factor: 1,
  plus: 15,
});

/** Where we must be. */
export const GOALS: readonly Goal[] = [
  ...[
    rate('A', 'bestNode', 1),
    cpu('A', 0.8, 16),
    cpu('A', 1.5, KIB),
    rate('B', 'bestNode', 1),
    rate('B', 'pika', 1.7),
    rate('C', 'bestNode', 1.1),
    rate('D', 'bestNode', 1.2),
    cpu('D', 3),
    rate('E', 'bestNode', 1, 16, KIB),
    rate('E', 'bestNode', 2, 64 * KIB),
    rate('F', 'bestNode', 1),
    rate('G', 'bestNode', 1),
    { scenario: 'G', metric: 'p50', peer: 'librabbitmq', factor: 2 } as const,
    rate('H', 'bestNode', 1),
    rate('H', 'pika', 1.4),
    { scenario: 'I', metric: 'wall', peer: 'amqplib', factor: 1.4 } as const,
    ...(['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I'] as const).map(memory),
  ].map((goal) => ({ ...goal, broker: 'rabbitmq' }) as const),
  ...[
    rate('A', 'bestNode', 4, 16),
    rate('A', 'bestNode', 3, KIB),
    rate('A', 'bestNode', 0.8, 64 * KIB),
    rate('B', 'bestNode', 0.8),
    rate('C', 'bestNode', 2),
    rate('D', 'bestNode', 1.5, KIB),
    rate('E', 'bestNode', 2, 16),
    rate('E', 'bestNode', 1.5, KIB, 64 * KIB),
    { scenario: 'G', metric: 'p50', peer: 'bestNode', factor: 1.6 } as const,
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
