import { type Command, Option } from 'commander';
import { escapeControls } from './parts/control-characters';
import { EXIT, ExitError } from './parts/exit-status';
import { linesOf } from './parts/input';
import { print, printNote } from './parts/output';
import { integer } from './parts/values';
import type { Verb } from './verb';

interface Flags {
  channel?: number;
  method?: string;
  connection?: string;
  follow?: boolean;
}

/** A line of AMQP_SYNC_TRACE: a frame, or an event of the connection. */
interface Line {
  time: string;
  pid: number;
  connection: string;
  direction?: 'sent' | 'received';
  channel?: number;
  frame?: string;
  method?: string;
  arguments?: object | null;
  bodySize?: number;
  properties?: object | null;
  size?: number;
  begins?: string;
  version?: string;
  malformed?: string;
  event?: string;
  broker?: string;
  reason?: string;
}

export const verb: Verb = {
  notes: `
A program writes the file when AMQP_SYNC_TRACE names it: every frame of its connections.
-> is sent, <- received.
Lines that are none of a trace are told of, and skipped.

Examples:
  AMQP_SYNC_TRACE=trace-%p.jsonl node script.js && amqp-sync trace trace-*.jsonl
  amqp-sync trace trace.jsonl --channel 1 --method 'basic.*' --follow
`,

  define(command: Command) {
    return command
      .argument('<file...>', 'the traces, one after the other; - is stdin')
      .option(
        '--channel <number>',
        'only frames of this channel, and when the connection came and went',
        integer(0),
      )
      .option('--method <name>', "only this method, or several: 'queue.*'; with the content behind it")
      .option('--connection <text>', 'only connections with this in their names')
      .addOption(new Option('-f, --follow', 'go on as the file grows, until Ctrl-C'));
  },

  run(options, files) {
    const flags = options as Flags;
    if (flags.follow === true && files.length > 1)
      throw new ExitError('--follow goes on with one file, not with several', EXIT.USAGE);
    const isWanted = filterOf(flags);
    const row = rows();
    let printed = 0;
    for (const file of files) {
      let number = 0;
      for (const text of linesOf(file, flags.follow === true)) {
        number++;
        if (text === '') continue;
        const line = parsed(text);
        if (line === undefined) {
          printNote(`${file}:${number} is no line of a trace`);
        } else if (isWanted(line)) {
          print(row(line));
          printed++;
        }
      }
    }
    return printed > 0 ? EXIT.OK : EXIT.EMPTY;
  },
};

function parsed(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Line | null;
    const isLine =
      typeof line === 'object' &&
      typeof line?.time === 'string' &&
      typeof line.connection === 'string' &&
      (typeof line.frame === 'string' || typeof line.event === 'string');
    return isLine ? line : undefined;
  } catch {
    return undefined;
  }
}

/** Headers and bodies go with the method before them. */
function filterOf({ channel, method, connection }: Flags): (line: Line) => boolean {
  const pattern = method === undefined ? undefined : patternOf(method);
  /** Streams of frames whose last method was wanted. */
  const wanted = new Set<string>();
  return (line) => {
    if (connection !== undefined && !line.connection.includes(connection)) return false;
    if (channel !== undefined && line.event === undefined && line.channel !== channel) return false;
    if (pattern === undefined) return true;
    const stream = [line.pid, line.connection, line.direction, line.channel].join(' ');
    if (line.method !== undefined) wanted[pattern.test(line.method) ? 'add' : 'delete'](stream);
    return line.method !== undefined || line.frame === 'header' || line.frame === 'body'
      ? wanted.has(stream)
      : false;
  };
}

function patternOf(method: string): RegExp {
  if (!/^[a-z0-9.*-]+$/.test(method))
    throw new ExitError(
      `--method must be a name such as basic.publish or 'basic.*', not "${method}"`,
      EXIT.USAGE,
    );
  return new RegExp(`^${method.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
}

/** Rows in columns as wide as the widest name so far: they stay in line without a look ahead. */
function rows(): (line: Line) => string {
  let width = 0;
  return (line) => {
    const who = `${line.pid} ${line.connection}`;
    width = Math.max(width, who.length);
    const time = line.time.replace(/^.*T|Z$/g, '');
    const arrow = line.direction === undefined ? '--' : line.direction === 'sent' ? '->' : '<-';
    const channel = line.direction === undefined ? '' : String(line.channel);
    const text = `${time}  ${who.padEnd(width)}  ${channel.padStart(5)} ${arrow} ${whatOf(line)}`;
    return `${escapeControls(text.replace(/\s*[\r\n]\s*/g, ' '))}\n`;
  };
}

function whatOf({ event, broker, reason, frame, ...line }: Line): string {
  if (event !== undefined) return `${event} ${broker ?? ''}${reason ?? ''}`;
  if (line.malformed !== undefined) return `${frame}: ${line.malformed}`;
  switch (frame) {
    case 'method':
      return `${line.method} ${valuesOf(line.arguments)}`.trimEnd();
    case 'header':
      return `  header, ${line.bodySize} bytes follow ${valuesOf(line.properties)}`.trimEnd();
    case 'body':
      return `  body, ${line.size} bytes${line.begins === undefined ? '' : `: ${JSON.stringify(line.begins)}`}`;
    case 'protocol-header':
      return `protocol header ${line.version}`;
    case 'none':
      return `no frame, ${line.size} bytes: ${JSON.stringify(line.begins)}`;
    default:
      return String(frame);
  }
}

/** Names and values; what says nothing (false, 0, nothing in it) is left out. */
function valuesOf(values: object | null | undefined): string {
  return Object.entries(values ?? {})
    .filter(([, value]) => value && !(typeof value === 'object' && Object.keys(value).length === 0))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ');
}
