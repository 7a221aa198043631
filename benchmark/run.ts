/** `npm run bench`: see HELP in options.ts. */
import { killAll } from './children';
import { cli } from './cli';
import { codec } from './codec';
import { compare } from './compare';
import { HELP, type Options, parseOptions } from './options';
import { scale } from './scale';
import { soak } from './soak';

const COMMANDS: Record<Options['command'], (options: Options) => Promise<number>> = {
  compare,
  codec,
  scale,
  soak,
  cli,
};

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  return COMMANDS[options.command](options);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAll(); // what was being measured fails, and the brokers' own sentinels tidy up
    process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}

main(process.argv.slice(2)).then(
  (code) => {
    killAll();
    process.exit(code);
  },
  (error: Error) => {
    killAll();
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
