import { bindingFlags, eachBinding } from './parts/binding';
import type { Verb } from './verb';

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync bind logs errors -r 'error.*,fatal.*'
  amqp-sync bind logs --to-exchange audit -r '#'
`,

  define: bindingFlags,

  run: (flags, args) =>
    eachBinding(flags, args, (channel, { exchange, queue, toExchange, how }) => {
      if (queue !== undefined) channel.queueBind(queue, exchange, how);
      else channel.exchangeBind(toExchange!, exchange, how);
    }),
};
