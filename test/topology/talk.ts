import { PLANS } from '../../src/protocol/codec';
import type { Args, Input, Method, MethodName } from '../../src/protocol/method-types';
import { METHODS } from '../../src/protocol/methods';
import type { Journal } from '../../src/topology/journal';

const EMPTY: Readonly<Record<string, unknown>> = { bit: false, shortstr: '', longstr: '', table: {} };

/** A method as it is decoded: fields that are not given are zero, false or empty. */
export function method<M extends MethodName>(name: M, given: Input<M> = {}): Method {
  const fields = Object.entries(METHODS[name].args).filter(([field]) => !field.startsWith('reserved'));
  const args = Object.fromEntries(fields.map(([field, domain]) => [field, EMPTY[domain] ?? 0]));
  return { name, args: { ...args, ...given } as unknown as Args<M> } as Method;
}

/** A channel of a journal, as main uses it and the broker answers. */
export class Talk {
  constructor(
    readonly journal: Journal,
    readonly channel = 1,
  ) {
    this.ask('channel.open');
  }

  /** Main sends, and the broker agrees. */
  ask<M extends MethodName>(name: M, given: Input<M> = {}, reply: Record<string, unknown> = {}): void {
    this.send(name, given);
    const answer = PLANS[name].replies[0] as MethodName;
    const args = given as { queue?: string; consumerTag?: string };
    this.hear(answer, { queue: args.queue, consumerTag: args.consumerTag, ...reply } as never);
  }

  /** Main sends. */
  send<M extends MethodName>(name: M, given: Input<M> = {}): void {
    this.journal.sent(this.channel, method(name, given));
  }

  /** The broker sends. */
  hear<M extends MethodName>(name: M, given: Input<M> = {}): void {
    this.journal.received(this.channel, method(name, given));
  }

  /** The broker closes the channel, because of a method. */
  refuse(name: MethodName, replyCode = 404, replyText = ''): void {
    const { id } = PLANS[name];
    this.hear('channel.close', { replyCode, replyText, classId: id >>> 16, methodId: id & 0xffff });
  }
}

/** The content of a journal, in short. */
export function contents({ entities, channels }: Journal): Record<string, unknown> {
  return {
    exchanges: [...entities.exchanges.keys()],
    queues: [...entities.queues.keys()],
    bindings: entities.bindings.map(({ name, args }) =>
      name === 'queue.bind'
        ? `${args.exchange} -> ${args.queue} (${args.routingKey})`
        : `${args.source} => ${args.destination} (${args.routingKey})`,
    ),
    channels: Object.fromEntries(
      channels.open().map(([number, { mode, qos, consumers }]) => [
        number,
        {
          ...(mode === 'none' ? {} : { mode }),
          ...(qos === undefined ? {} : { qos: qos.prefetchCount }),
          ...(consumers.size === 0
            ? {}
            : { consumers: [...consumers].map(([tag, { args }]) => `${tag} @ ${args.queue}`) }),
        },
      ]),
    ),
  };
}
