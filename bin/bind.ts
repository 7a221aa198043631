import { NotFoundError } from '../src/index';
import { bindingFlags, ORDER, withBindings } from './parts/binding';
import { ExitError } from './parts/exit-status';
import type { Verb } from './verb';

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync bind errors logs 'error.*' 'fatal.*'
  amqp-sync bind --to-exchange audit logs '#'
`,

  define: bindingFlags,

  run: (flags, args) =>
    withBindings(flags, args, (channel, { exchange, queue, toExchange, ways }) => {
      try {
        for (const way of ways) {
          if (queue !== undefined) channel.queueBind(queue, exchange, way);
          else channel.exchangeBind(toExchange!, exchange, way);
        }
      } catch (error) {
        if (!(error instanceof NotFoundError) || queue === undefined) throw error;
        throw new ExitError(`${error.message}; ${ORDER}`);
      }
    }),
};
