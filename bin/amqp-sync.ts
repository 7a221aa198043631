#!/usr/bin/env node
import { isMainThread } from 'node:worker_threads';
import { Command, CommanderError } from 'commander';
import { version } from '../src/version';
import { BROKER_NOTE, brokerFlags } from './parts/broker-connection';
import { EXIT, EXIT_NOTE, explain } from './parts/exit-status';
import { print, printError, printNote } from './parts/output';
import { supervise } from './parts/supervisor';
import type { Verb } from './verb';
import { VERBS } from './verbs';

/**
 * The command line: finds the verb, has commander read its flags, runs it; with a command, in a thread that begins
 * here, too. Only the file of the verb that was called is loaded; `completion` and `man` load all.
 */
function main(argv: readonly string[]): number {
  const end = argv.indexOf('--');
  const behind = end === -1 ? undefined : argv.slice(end + 1);
  let status: number = EXIT.OK;
  try {
    const own = verbFirst(end === -1 ? argv : argv.slice(0, end));
    const program = describe((name) => name === own[0] || own[0] === 'help');
    for (const verb of program.commands) {
      verb.action(() => {
        const { run, command: commandOf } = load(verb.name());
        const args = commandOf === undefined ? [...verb.args, ...(behind ?? [])] : verb.args;
        const command = commandOf?.(verb.opts(), args, behind);
        if (command !== undefined && isMainThread) return supervise(__filename, argv);
        status = run(verb.opts(), args, {
          command,
          program: () => describe(() => true),
          notesOf: (name) => load(name).notes,
        });
      });
    }
    program.parse(own, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    const { text, exit } = explain(error);
    if (text !== '') printError(text);
    return exit;
  }
}

const NO_VERBS = new Set(['help', '-h', '--help', '-V', '--version']);

/** Flags of the broker may stand before the verb, too: they are put behind it. */
function verbFirst(argv: readonly string[]): string[] {
  if (!argv[0]?.startsWith('-')) return [...argv];
  const flags = strict(brokerFlags(new Command('amqp-sync')).helpOption(false).passThroughOptions());
  const { operands, unknown } = flags.parseOptions([...argv]);
  const begins = argv.length - operands.length - unknown.length;
  const [verb, ...rest] = argv.slice(begins);
  if (verb === undefined && begins > 0) throw new TypeError('which verb? amqp-sync --help has them');
  if (verb === undefined || NO_VERBS.has(verb)) return argv.slice(begins);
  if (verb.startsWith('-'))
    throw new TypeError(`${verb} before the verb: only flags that say where the broker is go there`);
  return [verb, ...argv.slice(0, begins), ...rest];
}

/** The program with its verbs, those with all their flags that `isWanted`. */
function describe(isWanted: (name: string) => boolean): Command {
  const program = new Command('amqp-sync')
    .description('Publish to, read from and look after an AMQP 0-9-1 broker such as RabbitMQ.')
    .version(version, '-V, --version')
    .usage('[options of the broker] <verb> [options] [-- command]')
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm: (verb) => verb.name(), showGlobalOptions: false })
    .addHelpText('after', `\n${BROKER_NOTE}\n${EXIT_NOTE}\n`);
  for (const [name, { summary }] of Object.entries(VERBS)) {
    const verb = strict(program.command(name).summary(summary).description(summary));
    if (!isWanted(name)) continue;
    const { define, notes } = load(name);
    define(verb).addHelpText('after', notes);
  }
  return strict(program);
}

/** Errors are of one line, and end nothing by themselves. */
function strict(command: Command): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: print,
      writeErr: (text) => printNote(text.trimEnd()),
      outputError: (text) =>
        printError(
          text
            .replace(/^error: /, '')
            .replace(/\n/g, ' ')
            .trim(),
        ),
    });
}

function load(name: string): Verb {
  return VERBS[name]!.load();
}

process.exitCode = main(process.argv.slice(2));
