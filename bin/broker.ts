import { Option } from 'commander';
import { type BrokerOptions, startBroker } from '../src/index';
import { print } from './parts/output';
import { integer, list } from './parts/values';
import type { Verb } from './verb';

interface Flags {
  port: number;
  host: string;
  user?: string[];
  vhost?: string[];
  rules: BrokerOptions['version'];
  permit?: string[];
}

/** The port of AMQP. */
const PORT = 5672;
/** Milliseconds; what matters is that something keeps the process. */
const A_DAY = 86_400_000;

export const verb: Verb = {
  notes: `
Prints its URL once it listens, and runs until Ctrl-C or SIGTERM. Everything is in memory: it is for demos and
tests.

Examples:
  amqp-sync broker &
  amqp-sync broker --port 0 --user app:secret --vhost /orders
`,

  define: (command) =>
    command
      .option('--port <port>', '0: one that is free', integer(0, 65535), PORT)
      .option('--host <address>', 'where to listen; 0.0.0.0 is everywhere', '127.0.0.1')
      .option('--user <name:password>', 'who may log in; again for more; default guest:guest', list)
      .option('--vhost <vhost>', 'again for more; default /', list)
      .addOption(new Option('--rules <version>', 'of which RabbitMQ').choices(['3.10', '4.3']).default('4.3'))
      .option(
        '--permit <feature>',
        'what RabbitMQ 4.3 refuses otherwise, such as transient_nonexcl_queues; again for more',
        list,
      ),

  run(options) {
    const { port, host, user, vhost, rules, permit } = options as Flags;
    const users = user && Object.fromEntries(user.map(credentials));
    const { url } = startBroker({
      port,
      host,
      users,
      vhosts: vhost,
      version: rules,
      permit: permit as BrokerOptions['permit'],
    });
    print(`${url}\n`);
    setInterval(() => {}, A_DAY); // its thread does not keep the process
    return 0;
  },
};

function credentials(text: string): [name: string, password: string] {
  const [, name, password] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new TypeError(`--user must be name:password, got ${text}`);
  return [name, password!];
}
