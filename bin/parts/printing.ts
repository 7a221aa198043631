import { type Command, Option } from 'commander';
import type { IncomingMessage } from '../../src/index';
import { type Formatter, formatter } from './format';
import { fieldOf } from './message-fields';
import { messageToJson } from './message-json';
import { isTerminal, jsonText, print, printNote } from './output';

export interface PrintFlags {
  json?: boolean;
  parse?: boolean;
  format?: Formatter;
  lines?: boolean;
  null?: boolean;
  verbose?: boolean;
}

/** How messages are printed. */
export function printFlags(command: Command): Command {
  return command
    .option('-j, --json', 'a JSON object on each line, with all properties; publish --json takes it')
    .addOption(
      new Option('--parse', 'with --json: a body that is JSON stands there as it is, and not as a text')
        .implies({ json: true })
        .conflicts(['format', 'lines', 'null']),
    )
    .addOption(
      new Option('--format <format>', "what to print of each, such as '%k %{headers.host} %s\\n'; see below")
        .argParser(formatter)
        .conflicts(['parse', 'json', 'lines', 'null']),
    )
    .option('--lines', 'a newline behind each body')
    .addOption(new Option('-0, --null', 'a zero byte behind each body').conflicts(['lines', 'json']))
    .option('-v, --verbose', 'a line about each on stderr, before it: where from, its size, its properties');
}

type Printer = (message: IncomingMessage) => void;

/** The printer of messages: of each its body as it is, unless the flags say more. On a terminal a line each. */
export function printer(flags: PrintFlags): Printer {
  const show = shower(flags);
  const tell = teller(flags);
  return (message) => {
    tell(message);
    show(message);
  };
}

function shower({ json, parse = false, format, lines, null: zero }: PrintFlags): Printer {
  if (format !== undefined) return (message) => print(format(message));
  if (json) return (message) => print(`${messageToJson(message, parse)}\n`);
  const isForPeople = isTerminal.out();
  return ({ body }) => {
    const end = zero ? '\0' : lines || (isForPeople && body.at(-1) !== 0x0a) ? '\n' : '';
    print(end === '' ? body : Buffer.concat([body, Buffer.from(end)]));
  };
}

const propertiesText = fieldOf('properties')!;

/** Who says with `-v` what else there is to know of a message. */
export function teller({ verbose }: PrintFlags): Printer {
  if (!verbose) return () => {};
  let number = 0;
  return (message) => {
    const { exchange, routingKey, body, redelivered } = message;
    const [from, key] = [exchange, routingKey].map(jsonText);
    const again = redelivered ? ', redelivered' : '';
    number++;
    printNote(
      `message ${number}: exchange ${from}, key ${key}, ${body.length} bytes${again}, ${propertiesText(message)}`,
    );
  };
}
