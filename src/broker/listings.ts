import type { BrokerChannel } from './channel';
import type { BindingInfo, ConsumerInfo, ExchangeInfo, MessageInfo, QueueInfo } from './control';
import type { Engine } from './engine';
import type { BrokerMetrics } from './metrics';

/** The queues of a broker, as plain data; so with the others. */
export function listQueues(engine: Engine): QueueInfo[] {
  return [...engine.vhosts.values()].flatMap((vhost) =>
    [...vhost.queues.values()].map(({ name, traits, limits, messageCount, unacked, consumers }) => ({
      vhost: vhost.name,
      name,
      type: limits.type,
      ...traits,
      messageCount,
      unacknowledged: unacked,
      consumerCount: consumers.size,
    })),
  );
}

export function listExchanges(engine: Engine): ExchangeInfo[] {
  return [...engine.vhosts.values()].flatMap((vhost) =>
    [...vhost.exchanges.values()].map(({ name, traits }) => ({ vhost: vhost.name, name, ...traits })),
  );
}

/** The bindings but those of the default exchange: every queue has one, by its name. */
export function listBindings(engine: Engine): BindingInfo[] {
  return [...engine.vhosts.values()].flatMap((vhost) =>
    [...vhost.exchanges.values()].flatMap((exchange) =>
      [...exchange.bindings.values()].map(({ destination, key }) => ({
        vhost: vhost.name,
        source: exchange.name,
        destination: destination.name,
        destinationType: destination.kind,
        routingKey: key,
      })),
    ),
  );
}

export function listConsumers(engine: Engine): ConsumerInfo[] {
  return [...engine.vhosts.values()].flatMap((vhost) =>
    [...vhost.queues.values()].flatMap(({ name, consumers }) =>
      [...consumers.all].map((consumer) => {
        const channel = consumer.subscriber as BrokerChannel;
        return {
          vhost: vhost.name,
          queue: name,
          consumerTag: consumer.tag,
          connection: channel.connection.id,
          channel: channel.number,
          noAck: consumer.traits.noAck,
          exclusive: consumer.traits.exclusive,
          prefetchCount: consumer.traits.prefetch,
          unacknowledged: consumer.unacked,
          active: !consumers.single || consumers.active === consumer,
        };
      }),
    ),
  );
}

/** What became of the messages of a virtual host; undefined: there is none of this name. */
export function metricsOf(engine: Engine, name: string): BrokerMetrics | undefined {
  const vhost = engine.vhosts.get(name);
  if (vhost === undefined) return undefined;
  const queues = [...vhost.queues.values()].map((queue) => [queue.name, queue.metrics] as const);
  return { ...vhost.metrics, queues: Object.fromEntries(queues) };
}

/** The messages of a queue that wait, from the head on, or all of a stream; undefined: there is no such queue. */
export function listMessages(engine: Engine, vhost: string, queue: string): MessageInfo[] | undefined {
  const found = engine.vhosts.get(vhost)?.queues.get(queue);
  if (found === undefined) return undefined;
  return [...found.messages()].map(({ message, redelivered, priority }) => ({
    exchange: message.exchange,
    routingKey: message.routingKey,
    redelivered,
    priority,
    header: message.header,
    body: message.body,
  }));
}
