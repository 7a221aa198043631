import type { Measurement } from './measure';
import { NODE_PEERS, OURS } from './peers';
import { keyOf, type Row } from './scenarios';
import { medianOf, ratio } from './statistics';

export type Metric = keyof Measurement;

const METRICS: readonly Metric[] = ['perSecond', 'cpu', 'main', 'p50', 'p99', 'rss', 'wall'];

/** All that was measured, by row and peer. */
export class Results {
  readonly #measured = new Map<string, Measurement[]>();
  readonly #failures = new Map<string, string>();

  constructor(
    readonly rows: readonly Row[],
    readonly peers: readonly string[],
  ) {}

  add(row: Row, peer: string, measurement: Measurement): void {
    const key = `${keyOf(row)} ${peer}`;
    const known = this.#measured.get(key);
    if (known === undefined) this.#measured.set(key, [measurement]);
    else known.push(measurement);
  }

  fail(row: Row, peer: string, reason: string): void {
    this.#failures.set(`${keyOf(row)} ${peer}`, reason);
  }

  /** The medians over all rounds; undefined: there is none. */
  of(row: Pick<Row, 'broker' | 'scenario' | 'size'>, peer: string): Measurement | undefined {
    const all = this.#measured.get(`${keyOf(row)} ${peer}`);
    if (all === undefined) return undefined;
    const medians = METRICS.map((metric) => [metric, medianOf(all, (one) => one[metric])]);
    return Object.fromEntries(medians) as Measurement;
  }

  /** Why there is none. */
  reason(row: Row, peer: string): string | undefined {
    return this.#failures.get(`${keyOf(row)} ${peer}`);
  }

  /** `bestNode`: of the asynchronous Node clients the one with the best figure. */
  value(row: Pick<Row, 'broker' | 'scenario' | 'size'>, peer: string, metric: Metric): number | undefined {
    if (peer !== 'bestNode') return this.of(row, peer)?.[metric];
    const values = NODE_PEERS.map((name) => this.of(row, name)?.[metric]).filter(
      (value) => value !== undefined,
    );
    if (values.length === 0) return undefined;
    return metric === 'perSecond' ? Math.max(...values) : Math.min(...values);
  }

  /** Ours / theirs. */
  ratio(row: Pick<Row, 'broker' | 'scenario' | 'size'>, peer: string, metric: Metric): number | undefined {
    return ratio(this.value(row, OURS, metric), this.value(row, peer, metric));
  }
}
