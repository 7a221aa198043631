import { type Channel, NotFoundError } from '../src/index';
import { bindingFlags, ORDER, withBindings } from './parts/binding';
import { printNote } from './parts/output';
import type { Verb } from './verb';

export const verb: Verb = {
  notes: `
A binding that is missing is no error; a missing queue or exchange is told of, and is none either.

Examples:
  amqp-sync unbind errors logs 'error.*' 'fatal.*'
  amqp-sync unbind --to-exchange audit logs '#'
`,

  define: bindingFlags,

  run: (flags, args) =>
    withBindings(flags, args, (channel, { exchange, queue, toExchange, ways }) => {
      // before: the last binding may take an exchange with it
      const hint = queue === undefined ? '' : `; ${ORDER}`;
      tellOfMissing(channel, 'exchange', exchange, hint);
      if (queue !== undefined) tellOfMissing(channel, 'queue', queue, hint);
      else tellOfMissing(channel, 'exchange', toExchange!, hint);
      for (const way of ways) {
        if (queue !== undefined) channel.queueUnbind(queue, exchange, way);
        else channel.exchangeUnbind(toExchange!, exchange, way);
      }
    }),
};

/** RabbitMQ takes the unbinding of what is not there, so names in the wrong order would go unnoticed. */
function tellOfMissing(
  { connection }: Channel,
  kind: 'exchange' | 'queue',
  name: string,
  hint: string,
): void {
  const scratch = connection.channel();
  try {
    if (kind === 'queue') scratch.queueDeclare(name, { passive: true });
    else scratch.exchangeDeclare(name, 'direct', { passive: true });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    printNote(`there is no ${kind} "${name}", so nothing is bound${hint}`);
  } finally {
    if (scratch.isOpen) scratch.close();
  }
}
