import type { Connection } from '../src/index';
import { type BrokerFlags, brokerFlags, withConnection } from './parts/broker-connection';
import { printJson, printTable } from './parts/output';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  json?: boolean;
}

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync info
  amqp-sync info --json | jq -r .version
`,

  define(command) {
    command.option('-j, --json', 'as JSON');
    return brokerFlags(command);
  },

  run(options) {
    const flags = options as Flags;
    return withConnection(flags, (connection) => {
      const known = about(connection);
      if (flags.json) printJson(known);
      else printTable(Object.entries(known).flatMap(([name, value]) => rows(name, value)));
      return 0;
    });
  },
};

function about({ serverProperties, channelMax, frameMax, heartbeat }: Connection): Record<string, unknown> {
  const { capabilities, ...server } = serverProperties;
  return { ...server, channelMax, frameMax, heartbeat, capabilities };
}

function rows(name: string, value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[name, value]];
  const yes = Object.entries(value).filter(([, has]) => has === true);
  return [[name, yes.map(([what]) => what).join(' ')]];
}
