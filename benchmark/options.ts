import { parseArgs } from 'node:util';
import { RUNTIME_NAMES } from '../test/support/runtimes';
import { PEER_NAMES } from './peers';
import { type BrokerKind, SCENARIOS } from './scenarios';

export const HELP = `npm run bench -- [options]        compare with the peers
npm run bench -- codec            nanoseconds of the codec's parts
npm run bench -- scale [options]  cost as sizes and numbers grow
npm run bench -- soak [options]   memory over many messages
npm run bench -- cli [options]    the command line, from its start to its end

  --quick          fewer messages, the main peers, as many rounds as fit into two minutes
  --only=A,E       scenarios: ${Object.entries(SCENARIOS)
    .map(([letter, what]) => `${letter} ${what}`)
    .join(', ')}
  --size=16,1024   body sizes
  --peers=a,b      of ${PEER_NAMES.join(', ')}
  --broker=KIND    null or rabbitmq; default both
  --rounds=N       interleaved rounds, of which medians are taken; default 3
  --share=N        part of the usual number of messages, such as 0.1
  --baseline=PATH  measure another build of this library beside this one: its src/index.js
  --runtime=bun    this library on other runtimes, too, which npm brings: ${RUNTIME_NAMES.join(', ')}
  --check          say which rows of the table of goals are met; exit 1 if one is not
  --report[=DIR]   write the Markdown and SVG report; a complete run writes benchmark/report
  --axis=NAME      scale: only size, consume-size, depth, unsettled, channels, consumers or connections
  --millions=N     soak: messages each way; default 10
  --help

RabbitMQ is that of AMQP_URL, else localhost:5672, else a private one; the null broker, which costs almost nothing,
needs a C compiler. Peers: Node's are installed into node_modules/.cache; librabbitmq needs librabbitmq-dev and a C
compiler; pika and py-amqp need Debian's python3-pika and python3-amqp. What is missing is left out and said.
`;

export interface Options {
  command: 'compare' | 'codec' | 'scale' | 'soak' | 'cli';
  quick: boolean;
  check: boolean;
  help: boolean;
  only: readonly string[];
  sizes: readonly number[];
  peers: readonly string[];
  brokers: readonly BrokerKind[];
  rounds: number;
  share: number;
  baseline: string | undefined;
  runtimes: readonly string[];
  /** Where to; undefined: nowhere. */
  report: string | undefined;
  axis: string | undefined;
  millions: number;
}

/** @throws {Error} one sentence about what is wrong */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: args.map((arg) => (arg === '--report' ? '--report=' : arg)),
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      size: { type: 'string', default: '' },
      peers: { type: 'string', default: '' },
      broker: { type: 'string', default: 'rabbitmq,null' },
      rounds: { type: 'string' },
      share: { type: 'string' },
      baseline: { type: 'string' },
      runtime: { type: 'string', default: '' },
      report: { type: 'string' },
      axis: { type: 'string' },
      millions: { type: 'string', default: '10' },
    },
  });
  const { quick, check, help, baseline, axis } = values;
  const peers = oneOf('--peers', list(values.peers), PEER_NAMES);
  const runtimes = oneOf('--runtime', list(values.runtime), RUNTIME_NAMES);
  const only = oneOf('--only', list(values.only.toUpperCase()), Object.keys(SCENARIOS));
  const sizes = list(values.size).map((size) => number('--size', size, 0));
  const brokers = oneOf('--broker', list(values.broker), ['rabbitmq', 'null']) as BrokerKind[];
  const complete = !quick && only.length + sizes.length + peers.length === 0 && brokers.length === 2;
  const usual = complete && values.share === undefined ? '' : undefined;
  const report = values.report ?? usual;
  return {
    command:
      (oneOf('command', positionals, ['codec', 'scale', 'soak', 'cli']).at(-1) as Options['command']) ??
      'compare',
    quick,
    check,
    help,
    only,
    sizes,
    peers,
    brokers,
    rounds: number('--rounds', values.rounds ?? '3', 1),
    share: number('--share', values.share ?? (quick ? '0.2' : '1'), 0),
    baseline,
    runtimes,
    report: report === '' ? `${__dirname}/report` : report,
    axis,
    millions: number('--millions', values.millions, 0),
  };
}

function list(text: string): string[] {
  return text.split(',').filter((item) => item !== '');
}

function number(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least) || !Number.isFinite(value)) {
    throw new Error(`${name} must be a number from ${least} on, not "${text}"`);
  }
  return value;
}

function oneOf(name: string, given: readonly string[], known: readonly string[]): string[] {
  const strange = given.find((item) => !known.includes(item));
  if (strange !== undefined) throw new Error(`${name}: "${strange}" is none of ${known.join(', ')}`);
  return [...given];
}
