import type { Broker } from './broker';
import type { Channel } from './channel';
import type { BindingInfo, ConsumerInfo, ExchangeInfo, MessageInfo, QueueInfo } from './control';

/** What there is in a broker, as plain data. */
export function listQueues(broker: Broker): QueueInfo[] {
  return [...broker.vhosts.values()].flatMap((vhost) =>
    [...vhost.queues.values()].map(({ name, traits, limits, ready, unsettled, consumers }) => ({
      vhost: vhost.name,
      name,
      type: limits.type,
      ...traits,
      messageCount: ready.length,
      unacknowledged: unsettled,
      consumerCount: consumers.size,
    })),
  );
}

export function listExchanges(broker: Broker): ExchangeInfo[] {
  return [...broker.vhosts.values()].flatMap((vhost) =>
    [...vhost.exchanges.values()].map(({ name, traits }) => ({ vhost: vhost.name, name, ...traits })),
  );
}

/** Without those of the default exchange: every queue has one, by its name. */
export function listBindings(broker: Broker): BindingInfo[] {
  return [...broker.vhosts.values()].flatMap((vhost) =>
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

export function listConsumers(broker: Broker): ConsumerInfo[] {
  return [...broker.vhosts.values()].flatMap((vhost) =>
    [...vhost.queues.values()].flatMap(({ name, consumers }) =>
      [...consumers.all].map((consumer) => {
        const channel = consumer.subscriber as Channel;
        return {
          vhost: vhost.name,
          queue: name,
          consumerTag: consumer.tag,
          connection: channel.connection.id,
          channel: channel.number,
          noAck: consumer.traits.noAck,
          exclusive: consumer.traits.exclusive,
          prefetchCount: consumer.traits.prefetch,
          unacknowledged: consumer.unsettled,
          active: !consumers.single || consumers.active === consumer,
        };
      }),
    ),
  );
}

/** The messages of a queue that wait, from the head on; undefined: there is no such queue. */
export function listMessages(broker: Broker, vhost: string, queue: string): MessageInfo[] | undefined {
  const found = broker.vhosts.get(vhost)?.queues.get(queue);
  if (found === undefined) return undefined;
  return [...found.ready].map(({ message, redelivered, priority }) => ({
    exchange: message.exchange,
    routingKey: message.routingKey,
    redelivered,
    priority,
    header: message.header,
    body: message.body,
  }));
}
