import { bindingFlags, eachBinding } from './parts/binding';
import type { Verb } from './verb';

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync unbind errors logs 'error.*' 'fatal.*'
  amqp-sync unbind --to-exchange audit logs '#'
`,

  define: bindingFlags,

  run: (flags, args) =>
    eachBinding(flags, args, (channel, { exchange, queue, toExchange, how }) => {
      if (queue !== undefined) channel.queueUnbind(queue, exchange, how);
      else channel.exchangeUnbind(toExchange!, exchange, how);
    }),
};
