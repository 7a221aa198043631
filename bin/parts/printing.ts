import { type Command, Option } from 'commander';
import type { IncomingMessage } from '../../src/index';
import { messageToJson } from './message-json';
import { isTerminal, print, printJson } from './output';

export interface PrintFlags {
  json?: boolean;
  lines?: boolean;
  null?: boolean;
}

/** How messages are printed. */
export function printFlags(command: Command): Command {
  return command
    .option('-j, --json', 'a JSON object on each line, with all properties; publish --json takes it')
    .option('--lines', 'a newline behind each body')
    .addOption(new Option('-0, --null', 'a zero byte behind each body').conflicts(['lines', 'json']));
}

/** The printer of messages: of each its body as it is, unless the flags say more. On a terminal a line each. */
export function printer({ json, lines, null: zero }: PrintFlags): (message: IncomingMessage) => void {
  if (json) return (message) => printJson(messageToJson(message));
  const isForPeople = isTerminal.out();
  return ({ body }) => {
    const end = zero ? '\0' : lines || (isForPeople && body.at(-1) !== 0x0a) ? '\n' : '';
    print(end === '' ? body : Buffer.concat([body, Buffer.from(end)]));
  };
}
