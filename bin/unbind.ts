import { bindingFlags, eachBinding } from './parts/binding';
import type { Verb } from './verb';

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync unbind logs errors -r 'error.*,fatal.*'
  amqp-sync unbind logs --to-exchange audit -r '#'
`,

  define: bindingFlags,

  run: (flags, args) =>
    eachBinding(flags, args, (channel, { exchange, queue, toExchange, how }) => {
      if (queue !== undefined) channel.queueUnbind(queue, exchange, how);
      else channel.exchangeUnbind(toExchange!, exchange, how);
    }),
};
