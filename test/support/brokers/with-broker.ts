/** `ts-node test/support/brokers/with-broker.ts COMMAND ARGS...`: run a command with AMQP_URL naming a live broker. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { runningBroker, say, startEmbedded } from './find-broker';

async function run(command: string, args: string[]): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Ctrl-C in a terminal has reached the command already; two of them mean "at once" to many programs.
      if (signal === 'SIGTERM' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + constants.signals[signal!];
  } catch (error) {
    process.stderr.write(`${command}: ${(error as Error).message}\n`);
    return 127;
  }
}

async function main([command, ...args]: string[]): Promise<number> {
  if (!command) {
    process.stderr.write('usage: ts-node test/support/brokers/with-broker.ts COMMAND ARGS...\n');
    return 2;
  }
  const broker = (await runningBroker()) ?? (await startEmbedded());
  say(`${command} uses ${broker.how}`);
  process.env.AMQP_URL = broker.url;
  process.env.PATH = join(__dirname, '..', '..', '..', 'node_modules', '.bin') + delimiter + process.env.PATH;
  try {
    return await run(command, args);
  } finally {
    await broker.stop();
  }
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  },
);
