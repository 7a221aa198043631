import { bindingFlags, eachBinding } from './parts/binding';
import type { Verb } from './verb';

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync bind errors logs 'error.*' 'fatal.*'
  amqp-sync bind --to-exchange audit logs '#'
`,

  define: bindingFlags,

  run: (flags, args) =>
    eachBinding(flags, args, (channel, { exchange, queue, toExchange, how }) => {
      if (queue !== undefined) channel.queueBind(queue, exchange, how);
      else channel.exchangeBind(toExchange!, exchange, how);
    }),
};
