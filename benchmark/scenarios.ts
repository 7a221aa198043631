import { bytes } from './statistics';

export type BrokerKind = 'rabbitmq' | 'null';

export const SCENARIOS = {
  A: 'publish',
  B: 'publish, confirm each',
  C: 'publish, confirm 1000',
  D: 'consume and ack',
  E: 'consume, no ack',
  F: 'get',
  G: 'get, empty queue',
  H: 'RPC',
  I: 'whole process',
} as const;

export type Scenario = keyof typeof SCENARIOS;

/** One line of the comparison. */
export interface Row {
  broker: BrokerKind;
  scenario: Scenario;
  size: number;
  /** Messages in one go; for I the processes started. */
  count: number;
  /** How often the driver repeats it. */
  rounds: number;
}

const KIB = 1024;

/** [scenario, size, count, rounds]: each takes a good client about a second. */
const AGAINST: Record<BrokerKind, readonly (readonly [Scenario, number, number, number])[]> = {
  rabbitmq: [
    ['A', 16, 40_000, 4],
    ['A', KIB, 20_000, 4],
    ['A', 64 * KIB, 1000, 10],
    ['B', KIB, 10_000, 1],
    ['C', KIB, 20_000, 2],
    ['D', 16, 50_000, 1],
    ['D', KIB, 30_000, 1],
    ['E', 16, 80_000, 1],
    ['E', KIB, 50_000, 1],
    ['E', 64 * KIB, 3000, 1],
    ['F', KIB, 10_000, 1],
    ['G', 0, 20_000, 1],
    ['H', 16, 5000, 1],
    ['I', 16, 5, 1],
  ],
  null: [
    ['A', 16, 150_000, 3],
    ['A', KIB, 100_000, 3],
    ['A', 64 * KIB, 3000, 5],
    ['B', 16, 20_000, 1],
    ['C', KIB, 50_000, 2],
    ['D', KIB, 100_000, 1],
    ['E', 16, 500_000, 1],
    ['E', KIB, 300_000, 1],
    ['E', 64 * KIB, 15_000, 1],
    ['G', 0, 25_000, 1],
  ],
};

export interface Selection {
  brokers: readonly BrokerKind[];
  /** Scenarios; all if there is none. */
  only: readonly string[];
  /** Body sizes; all if there is none. */
  sizes: readonly number[];
  /** Part of the usual number of messages. */
  share: number;
}

export function selectRows({ brokers, only, sizes, share }: Selection): Row[] {
  return brokers.flatMap((broker) =>
    AGAINST[broker]
      .filter(([scenario, size]) => chosen(only, scenario) && (sizes.length === 0 || sizes.includes(size)))
      .map(([scenario, size, count, rounds]) => ({
        broker,
        scenario,
        size,
        count: Math.max(1, Math.round(count * share)),
        rounds: share < 1 ? Math.min(rounds, 2) : rounds,
      })),
  );
}

function chosen(only: readonly string[], scenario: Scenario): boolean {
  return only.length === 0 || only.includes(scenario);
}

export function titleOf({ scenario, size }: Pick<Row, 'scenario' | 'size'>): string {
  const what = `${scenario} ${SCENARIOS[scenario]}`;
  return 'GI'.includes(scenario) ? what : `${what}, ${bytes(size)}`;
}

/** Where a row's figures are kept. */
export function keyOf({ broker, scenario, size }: Pick<Row, 'broker' | 'scenario' | 'size'>): string {
  return `${broker} ${scenario} ${size}`;
}
