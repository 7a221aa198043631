import { type Broker, openBroker } from './brokers';
import { judge, verdictCells } from './goals';
import { measure } from './measure';
import type { Options } from './options';
import { dashes, overview } from './overview';
import { findPeers, type Peer } from './peers';
import { writeReport } from './report';
import { Results } from './results';
import { type BrokerKind, type Row, selectRows, titleOf } from './scenarios';
import { aligned } from './table';

/** What the quick way takes to measure, milliseconds; starting and stopping brokers comes on top. */
const QUICK_TIME = 100_000;

/** Measure all peers side by side, and show what came out. Returns the exit code. */
export async function compare(options: Options): Promise<number> {
  const { peers, absent } = await findPeers(options);
  const notes = absent.map(({ name, reason }) => `${name}: ${reason}`);
  const brokers = new Map<BrokerKind, Broker>();
  try {
    for (const kind of options.brokers) {
      try {
        brokers.set(kind, await openBroker(kind));
      } catch (error) {
        notes.push(`no ${kind} broker: ${(error as Error).message}`);
      }
    }
    const rows = selectRows({ ...options, brokers: [...brokers.keys()] });
    if (rows.length * peers.length === 0) {
      console.error(['nothing to measure', ...notes].join('\n  '));
      return 1;
    }
    const results = new Results(
      rows,
      peers.map(({ name }) => name),
    );
    const rounds = await measureAll(results, peers, brokers, options);
    show(results, brokers, notes, rounds);
    const names = new Map([...brokers].map(([kind, { name }]) => [kind, name]));
    if (options.report !== undefined) {
      writeReport(options.report, results, { brokers: names, rounds, notes });
      console.log(`\nreport: ${options.report}/report.md`);
    }
    return options.check ? check(results) : 0;
  } finally {
    for (const broker of brokers.values()) await broker.stop();
  }
}

/**
 * Round by round, row by row, peer by peer: what disturbs the machine for a while disturbs all of them alike.
 * Who goes first changes from round to round. Returns the number of rounds, of which the quick way has as many
 * as fit into its time.
 */
async function measureAll(
  results: Results,
  peers: readonly Peer[],
  brokers: ReadonlyMap<BrokerKind, Broker>,
  { quick, rounds }: Options,
): Promise<number> {
  const timeout = quick ? 20_000 : 120_000;
  const inOneRound = results.rows.length * peers.length;
  const begin = performance.now();
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    const spent = performance.now() - begin;
    if (quick && round > 0 && spent * (1 + 1 / round) > QUICK_TIME) return round;
    const first = round % peers.length;
    const order = [...peers.slice(first), ...peers.slice(0, first)];
    for (const row of results.rows) {
      for (const peer of order) {
        progress(`${++done}/${inOneRound * rounds} ${titleOf(row)} (${row.broker}) ${peer.name}`);
        await measureOne(results, peer, row, brokers.get(row.broker)!, timeout);
      }
    }
  }
  progress('');
  return rounds;
}

/** Who fails here has a dash, and is not tried again. */
async function measureOne(
  results: Results,
  peer: Peer,
  row: Row,
  broker: Broker,
  timeout: number,
): Promise<void> {
  if (results.reason(row, peer.name) !== undefined) return;
  try {
    results.add(row, peer.name, await measure(peer, row, broker, timeout));
  } catch (error) {
    results.fail(row, peer.name, (error as Error).message);
  }
}

/** One line that is written over, in a terminal only. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function show(
  results: Results,
  brokers: ReadonlyMap<BrokerKind, Broker>,
  notes: readonly string[],
  rounds: number,
): void {
  const sections = [...brokers].map(([kind, { name, where }]) => {
    const rows = results.rows.filter(({ broker }) => broker === kind);
    const [head = [], ...body] = overview(results, rows);
    return [[`against ${name}${where === undefined ? '' : ` (${where})`}`], head, ...body];
  });
  const [first = [], ...others] = sections;
  console.log(
    `messages or calls per second (us of client CPU per message), ${rounds > 1 ? `medians of ${rounds} rounds` : 'one round'}\n`,
  );
  console.log(aligned([...first, ...others.flatMap((section) => [[''], ...section])]));
  const remarks = [...notes, ...dashes(results)];
  if (remarks.length > 0) console.log(`\nnot measured:\n${remarks.map((line) => `  ${line}`).join('\n')}`);
}

function check(results: Results): number {
  const verdicts = judge(results);
  const failed = verdicts.filter(({ met }) => !met);
  console.log(`\n${aligned(verdicts.map(verdictCells))}`);
  console.log(`\n${verdicts.length - failed.length} of ${verdicts.length} goals are met`);
  return failed.length > 0 ? 1 : 0;
}
