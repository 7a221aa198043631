import { type BrokerFlags, brokerFlags, nameOf, noMore, withConnection } from './parts/broker-connection';
import { EXIT } from './parts/exit-status';
import { readAll, STDIN } from './parts/input';
import { type MessageFlags, messageFlags, propertiesOf } from './parts/message-flags';
import { printError } from './parts/output';
import { type PrintFlags, printer, printFlags } from './parts/printing';
import { duration, integer } from './parts/values';
import { killAfter, runCommand } from './parts/worker-command';
import type { Verb } from './verb';

interface Flags extends BrokerFlags, MessageFlags, PrintFlags {
  routingKey?: string;
  timeout?: number;
  count?: number;
  killAfter: number;
}

/** Properties that the call itself sets. */
const OWN = ['--reply-to', '--correlation-id', '--type'];

export const verb: Verb = {
  notes: `
Serving, the command gets the body as its stdin, and what it prints is the answer. If it fails, the caller's
exit status is 1. Calling exits with 3 if no answer comes in time, and with 5 at once if nobody serves.

Examples:
  amqp-sync rpc upper -- tr a-z A-Z
  amqp-sync rpc upper 'hello' --timeout 2s
`,

  define(command) {
    command
      .argument('[procedure]', 'its name, which is that of its queue')
      .argument('[body]', 'what to send; without it, what comes from stdin')
      .usage(
        '[options] <procedure> [body]            call\n       amqp-sync rpc [options] <procedure> -- command [args...]   serve',
      )
      .option('-r, --routing-key <key>', 'the procedure')
      .option(
        '--timeout <time>',
        'wait so long for the answer, default 30s; serving: for the next call',
        duration,
      )
      .option('-c, --count <number>', 'serving: end after so many calls', integer(1))
      .addOption(killAfter());
    return brokerFlags(messageFlags(printFlags(command), OWN));
  },

  command: (_flags, _args, behind) => behind,

  run(options, args, { command }) {
    const flags = options as Flags;
    const procedure = nameOf('procedure', flags.routingKey, args);
    const body = command === undefined ? args.shift() : undefined;
    noMore(args);
    return command === undefined ? call(flags, procedure, body) : serve(flags, procedure, command);
  },
};

function call(flags: Flags, procedure: string, body: string | undefined): number {
  const show = printer(flags);
  return withConnection(flags, (connection) => {
    const { timeout } = flags;
    const request = body === undefined ? readAll(STDIN) : Buffer.from(body);
    show(connection.rpc(procedure).call(request, { ...propertiesOf(flags), timeout }));
    return EXIT.OK;
  });
}

function serve(
  { count, timeout, killAfter: limit, ...flags }: Flags,
  procedure: string,
  command: readonly string[],
): number {
  return withConnection(flags, (connection) => {
    let served = 0;
    const service = connection.rpc(procedure).serve(
      (request) => {
        served++;
        const { ok, output, why } = runCommand(command, request, { capture: true, killAfter: limit });
        if (ok) return output;
        printError(`call ${served}: ${why}`);
        throw new Error(why);
      },
      { prefetch: 1 },
    );
    const isDone = () => count !== undefined && served >= count;
    while (!isDone()) {
      const before = served;
      connection.loop({ timeout: timeout ?? 1000 });
      if (timeout !== undefined && served === before) break;
    }
    service.cancel();
    return served > 0 ? EXIT.OK : EXIT.EMPTY;
  });
}
