#!/usr/bin/env node
import { isMainThread } from 'node:worker_threads';
import { Command, CommanderError } from 'commander';
import { version } from '../src/version';
import { BROKER_NOTE } from './parts/broker-connection';
import { EXIT, EXIT_NOTE, explain } from './parts/exit-status';
import { print, printError, printNote } from './parts/output';
import { supervise } from './parts/supervisor';
import type { Verb } from './verb';
import { VERBS } from './verbs';

/**
 * The command line: finds the verb, has commander read its flags, runs it. Only the file of the verb that was
 * called is loaded; `completion` and `man` load all.
 */
function main(argv: readonly string[]): number {
  // arguments behind `--` are a command for the verb to run
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const command = end === -1 ? undefined : argv.slice(end + 1);
  let status: number = EXIT.OK;
  const program = describe((name) => name === own[0] || own[0] === 'help');
  for (const verb of program.commands) {
    verb.action(() => {
      status = load(verb.name()).run(verb.opts(), verb.args, {
        command,
        program: () => describe(() => true),
        notesOf: (name) => load(name).notes,
      });
    });
  }
  try {
    program.parse([...own], { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    const { text, exit } = explain(error);
    if (text !== '') printError(text);
    return exit;
  }
}

/** The program with its verbs, those with all their flags that `isWanted`. */
function describe(isWanted: (name: string) => boolean): Command {
  const program = new Command('amqp-sync')
    .description('Publish to, read from and look after an AMQP 0-9-1 broker such as RabbitMQ.')
    .version(version, '-V, --version')
    .usage('<verb> [options] [-- command]')
    .configureHelp({ subcommandTerm: (verb) => verb.name(), showGlobalOptions: false })
    .addHelpText('after', `\n${BROKER_NOTE}\n${EXIT_NOTE}\n`);
  const strict = (command: Command) =>
    command
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
  for (const [name, { summary }] of Object.entries(VERBS)) {
    const verb = strict(program.command(name).summary(summary).description(summary));
    if (!isWanted(name)) continue;
    const { define, notes } = load(name);
    define(verb).addHelpText('after', notes);
  }
  return strict(program);
}

function load(name: string): Verb {
  return VERBS[name]!.load();
}

const argv = process.argv.slice(2);
if (isMainThread && argv.includes('--')) supervise(__filename, argv);
else process.exitCode = main(argv);
