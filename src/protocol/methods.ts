/**
 * Every class and method of AMQP 0-9-1 with RabbitMQ's extensions: one table, both directions.
 *
 * Keys of `args` stand in wire order; runs of `bit` share octets. Argument, input and reply types
 * (method-types.ts) and the codec's plans (codec.ts) are derived from here, and so are the names of the
 * public options. `reservedN` fields are sent as zero and never shown.
 * @see AMQP 0-9-1 §1 and the RabbitMQ extensions to it
 */

/** How a field is written on the wire. */
export type Domain =
  | 'bit'
  | 'octet'
  | 'short'
  | 'long'
  | 'longlong'
  | 'shortstr'
  | 'longstr'
  | 'longbytes'
  | 'table';

export interface MethodSpec {
  /** class id << 16 | method id, as the first four bytes of the payload */
  id: number;
  from: 'client' | 'server' | 'both';
  /** The methods that may answer this one; none: it is fire-and-forget. */
  reply?: readonly string[];
  /** A content header and body follow. */
  content?: true;
  args: Readonly<Record<string, Domain>>;
}

export const METHODS = {
  // ── connection ────────────────────────────────────────────────────────────────────────────────────
  'connection.start': {
    id: 0x000a_000a,
    from: 'server',
    reply: ['connection.start-ok'],
    args: {
      versionMajor: 'octet',
      versionMinor: 'octet',
      serverProperties: 'table',
      /** SASL mechanisms, separated by spaces. */
      mechanisms: 'longstr',
      /** Message locales, separated by spaces. */
      locales: 'longstr',
    },
  },
  'connection.start-ok': {
    id: 0x000a_000b,
    from: 'client',
    args: {
      clientProperties: 'table',
      mechanism: 'shortstr',
      /** The SASL initial response, opaque bytes. */
      response: 'longbytes',
      locale: 'shortstr',
    },
  },
  'connection.secure': {
    id: 0x000a_0014,
    from: 'server',
    reply: ['connection.secure-ok'],
    args: { challenge: 'longbytes' },
  },
  'connection.secure-ok': { id: 0x000a_0015, from: 'client', args: { response: 'longbytes' } },
  'connection.tune': {
    id: 0x000a_001e,
    from: 'server',
    reply: ['connection.tune-ok'],
    args: {
      /** Highest channel number; 0 is no limit. */
      channelMax: 'short',
      /** Largest frame in bytes, header and end octet included; 0 is no limit. */
      frameMax: 'long',
      /** Seconds; 0 is none. */
      heartbeat: 'short',
    },
  },
  'connection.tune-ok': {
    id: 0x000a_001f,
    from: 'client',
    args: { channelMax: 'short', frameMax: 'long', heartbeat: 'short' },
  },
  'connection.open': {
    id: 0x000a_0028,
    from: 'client',
    reply: ['connection.open-ok'],
    args: { virtualHost: 'shortstr', reserved1: 'shortstr', reserved2: 'bit' },
  },
  'connection.open-ok': { id: 0x000a_0029, from: 'server', args: { reserved1: 'shortstr' } },
  'connection.close': {
    id: 0x000a_0032,
    from: 'both',
    reply: ['connection.close-ok'],
    args: { replyCode: 'short', replyText: 'shortstr', classId: 'short', methodId: 'short' },
  },
  'connection.close-ok': { id: 0x000a_0033, from: 'both', args: {} },
  'connection.blocked': { id: 0x000a_003c, from: 'server', args: { reason: 'shortstr' } },
  'connection.unblocked': { id: 0x000a_003d, from: 'server', args: {} },
  'connection.update-secret': {
    id: 0x000a_0046,
    from: 'client',
    reply: ['connection.update-secret-ok'],
    args: { newSecret: 'longbytes', reason: 'shortstr' },
  },
  'connection.update-secret-ok': { id: 0x000a_0047, from: 'server', args: {} },

  // ── channel ───────────────────────────────────────────────────────────────────────────────────────
  'channel.open': {
    id: 0x0014_000a,
    from: 'client',
    reply: ['channel.open-ok'],
    args: { reserved1: 'shortstr' },
  },
  'channel.open-ok': { id: 0x0014_000b, from: 'server', args: { reserved1: 'longstr' } },
  'channel.flow': { id: 0x0014_0014, from: 'both', reply: ['channel.flow-ok'], args: { active: 'bit' } },
  'channel.flow-ok': { id: 0x0014_0015, from: 'both', args: { active: 'bit' } },
  'channel.close': {
    id: 0x0014_0028,
    from: 'both',
    reply: ['channel.close-ok'],
    args: { replyCode: 'short', replyText: 'shortstr', classId: 'short', methodId: 'short' },
  },
  'channel.close-ok': { id: 0x0014_0029, from: 'both', args: {} },

  // ── access: obsolete, still accepted by RabbitMQ ──────────────────────────────────────────────────
  'access.request': {
    id: 0x001e_000a,
    from: 'client',
    reply: ['access.request-ok'],
    args: { realm: 'shortstr', exclusive: 'bit', passive: 'bit', active: 'bit', write: 'bit', read: 'bit' },
  },
  'access.request-ok': { id: 0x001e_000b, from: 'server', args: { reserved1: 'short' } },

  // ── exchange ──────────────────────────────────────────────────────────────────────────────────────
  'exchange.declare': {
    id: 0x0028_000a,
    from: 'client',
    reply: ['exchange.declare-ok'],
    args: {
      reserved1: 'short',
      exchange: 'shortstr',
      /** direct, fanout, topic, headers, or a plugin's type. */
      type: 'shortstr',
      /** Only check that it exists. */
      passive: 'bit',
      /** Survives a restart of the broker. */
      durable: 'bit',
      /** Deleted when its last binding goes. */
      autoDelete: 'bit',
      /** Reachable from other exchanges only. */
      internal: 'bit',
      /** No answer: the call does not block, and an error shows later. */
      noWait: 'bit',
      /** alternate-exchange, x-delayed-type, … */
      arguments: 'table',
    },
  },
  'exchange.declare-ok': { id: 0x0028_000b, from: 'server', args: {} },
  'exchange.delete': {
    id: 0x0028_0014,
    from: 'client',
    reply: ['exchange.delete-ok'],
    args: {
      reserved1: 'short',
      exchange: 'shortstr',
      /** Refuse (406) while it has bindings. */
      ifUnused: 'bit',
      /** No answer: the call does not block, and an error shows later. */
      noWait: 'bit',
    },
  },
  'exchange.delete-ok': { id: 0x0028_0015, from: 'server', args: {} },
  'exchange.bind': {
    id: 0x0028_001e,
    from: 'client',
    reply: ['exchange.bind-ok'],
    args: {
      reserved1: 'short',
      destination: 'shortstr',
      source: 'shortstr',
      /** What the exchange compares with that of a message; empty by default. */
      routingKey: 'shortstr',
      /** No answer: the call does not block, and an error shows later. */
      noWait: 'bit',
      /** What a headers exchange compares, for one. */
      arguments: 'table',
    },
  },
  'exchange.bind-ok': { id: 0x0028_001f, from: 'server', args: {} },
  'exchange.unbind': {
    id: 0x0028_0028,
    from: 'client',
    reply: ['exchange.unbind-ok'],
    args: {
      reserved1: 'short',
      destination: 'shortstr',
      source: 'shortstr',
      routingKey: 'shortstr',
      noWait: 'bit',
      arguments: 'table',
    },
  },
  'exchange.unbind-ok': { id: 0x0028_0033, from: 'server', args: {} }, // 51, not 41

  // ── queue ─────────────────────────────────────────────────────────────────────────────────────────
  'queue.declare': {
    id: 0x0032_000a,
    from: 'client',
    reply: ['queue.declare-ok'],
    args: {
      reserved1: 'short',
      /** Empty asks the server to make a name. */
      queue: 'shortstr',
      /** Only check that it exists, and count. */
      passive: 'bit',
      /** Survives a restart of the broker. */
      durable: 'bit',
      /** For this connection only, deleted with it. */
      exclusive: 'bit',
      /** Deleted when its last consumer goes. */
      autoDelete: 'bit',
      /** No answer: the call does not block, counts are 0, and an error shows later. */
      noWait: 'bit',
      /** x-queue-type, x-message-ttl, x-max-length, … */
      arguments: 'table',
    },
  },
  'queue.declare-ok': {
    id: 0x0032_000b,
    from: 'server',
    args: { queue: 'shortstr', messageCount: 'long', consumerCount: 'long' },
  },
  'queue.bind': {
    id: 0x0032_0014,
    from: 'client',
    reply: ['queue.bind-ok'],
    args: {
      reserved1: 'short',
      queue: 'shortstr',
      exchange: 'shortstr',
      /** What the exchange compares with that of a message; empty by default. */
      routingKey: 'shortstr',
      /** No answer: the call does not block, and an error shows later. */
      noWait: 'bit',
      /** What a headers exchange compares, for one. */
      arguments: 'table',
    },
  },
  'queue.bind-ok': { id: 0x0032_0015, from: 'server', args: {} },
  'queue.purge': {
    id: 0x0032_001e,
    from: 'client',
    reply: ['queue.purge-ok'],
    args: {
      reserved1: 'short',
      queue: 'shortstr',
      /** No answer: the call does not block, and gives 0. */
      noWait: 'bit',
    },
  },
  'queue.purge-ok': { id: 0x0032_001f, from: 'server', args: { messageCount: 'long' } },
  'queue.delete': {
    id: 0x0032_0028,
    from: 'client',
    reply: ['queue.delete-ok'],
    args: {
      reserved1: 'short',
      queue: 'shortstr',
      /** Refuse (406) while it has consumers. */
      ifUnused: 'bit',
      /** Refuse (406) while it has messages. */
      ifEmpty: 'bit',
      /** No answer: the call does not block, gives 0, and an error shows later. */
      noWait: 'bit',
    },
  },
  'queue.delete-ok': { id: 0x0032_0029, from: 'server', args: { messageCount: 'long' } },
  'queue.unbind': {
    id: 0x0032_0032,
    from: 'client',
    reply: ['queue.unbind-ok'],
    args: {
      reserved1: 'short',
      queue: 'shortstr',
      exchange: 'shortstr',
      /** As it was bound. */
      routingKey: 'shortstr',
      /** As it was bound. */
      arguments: 'table',
    },
  },
  'queue.unbind-ok': { id: 0x0032_0033, from: 'server', args: {} },

  // ── basic ─────────────────────────────────────────────────────────────────────────────────────────
  'basic.qos': {
    id: 0x003c_000a,
    from: 'client',
    reply: ['basic.qos-ok'],
    args: {
      /** Bytes; RabbitMQ implements only 0. */
      prefetchSize: 'long',
      /** Unacknowledged messages at most; 0 is no limit. */
      prefetchCount: 'short',
      /** RabbitMQ: false, for each new consumer of the channel; true, for the whole channel. */
      global: 'bit',
    },
  },
  'basic.qos-ok': { id: 0x003c_000b, from: 'server', args: {} },
  'basic.consume': {
    id: 0x003c_0014,
    from: 'client',
    reply: ['basic.consume-ok'],
    args: {
      reserved1: 'short',
      queue: 'shortstr',
      /** Empty asks the server to make one. */
      consumerTag: 'shortstr',
      /** RabbitMQ does not implement it. */
      noLocal: 'bit',
      /** Messages count as acknowledged when they are sent. */
      noAck: 'bit',
      /** The only consumer of the queue, or 403. */
      exclusive: 'bit',
      /** No answer: the call does not block, and an error shows later. */
      noWait: 'bit',
      /** x-priority, x-stream-offset, … */
      arguments: 'table',
    },
  },
  'basic.consume-ok': { id: 0x003c_0015, from: 'server', args: { consumerTag: 'shortstr' } },
  'basic.cancel': {
    id: 0x003c_001e,
    from: 'both',
    reply: ['basic.cancel-ok'],
    args: {
      consumerTag: 'shortstr',
      /** No answer: the call does not block. */
      noWait: 'bit',
    },
  },
  'basic.cancel-ok': { id: 0x003c_001f, from: 'both', args: { consumerTag: 'shortstr' } },
  'basic.publish': {
    id: 0x003c_0028,
    from: 'client',
    content: true,
    args: {
      reserved1: 'short',
      /** Empty is the default exchange: the routing key names a queue. */
      exchange: 'shortstr',
      /** By this the exchange finds the queues; empty by default. */
      routingKey: 'shortstr',
      /** Return the message when no queue takes it; default false: it is dropped. */
      mandatory: 'bit',
      /** Removed in RabbitMQ 3.0: answered with 540. */
      immediate: 'bit',
    },
  },
  'basic.return': {
    id: 0x003c_0032,
    from: 'server',
    content: true,
    args: { replyCode: 'short', replyText: 'shortstr', exchange: 'shortstr', routingKey: 'shortstr' },
  },
  'basic.deliver': {
    id: 0x003c_003c,
    from: 'server',
    content: true,
    args: {
      consumerTag: 'shortstr',
      deliveryTag: 'longlong',
      redelivered: 'bit',
      exchange: 'shortstr',
      routingKey: 'shortstr',
    },
  },
  'basic.get': {
    id: 0x003c_0046,
    from: 'client',
    reply: ['basic.get-ok', 'basic.get-empty'],
    args: {
      reserved1: 'short',
      queue: 'shortstr',
      /** The message counts as acknowledged when it is sent. */
      noAck: 'bit',
    },
  },
  'basic.get-ok': {
    id: 0x003c_0047,
    from: 'server',
    content: true,
    args: {
      deliveryTag: 'longlong',
      redelivered: 'bit',
      exchange: 'shortstr',
      routingKey: 'shortstr',
      messageCount: 'long',
    },
  },
  'basic.get-empty': { id: 0x003c_0048, from: 'server', args: { reserved1: 'shortstr' } },
  'basic.ack': { id: 0x003c_0050, from: 'both', args: { deliveryTag: 'longlong', multiple: 'bit' } },
  'basic.reject': { id: 0x003c_005a, from: 'client', args: { deliveryTag: 'longlong', requeue: 'bit' } },
  'basic.recover-async': {
    id: 0x003c_0064,
    from: 'client',
    args: {
      /** Back to the queue, for whoever comes: the default, and RabbitMQ knows nothing else. */
      requeue: 'bit',
    },
  },
  'basic.recover': {
    id: 0x003c_006e,
    from: 'client',
    reply: ['basic.recover-ok'],
    args: {
      /** Back to the queue, for whoever comes: the default, and RabbitMQ knows nothing else. */
      requeue: 'bit',
    },
  },
  'basic.recover-ok': { id: 0x003c_006f, from: 'server', args: {} },
  'basic.nack': {
    id: 0x003c_0078,
    from: 'both',
    args: { deliveryTag: 'longlong', multiple: 'bit', requeue: 'bit' },
  },

  // ── confirm (RabbitMQ) ────────────────────────────────────────────────────────────────────────────
  'confirm.select': {
    id: 0x0055_000a,
    from: 'client',
    reply: ['confirm.select-ok'],
    args: {
      /** No answer: the call does not block. */
      noWait: 'bit',
    },
  },
  'confirm.select-ok': { id: 0x0055_000b, from: 'server', args: {} },

  // ── tx ────────────────────────────────────────────────────────────────────────────────────────────
  'tx.select': { id: 0x005a_000a, from: 'client', reply: ['tx.select-ok'], args: {} },
  'tx.select-ok': { id: 0x005a_000b, from: 'server', args: {} },
  'tx.commit': { id: 0x005a_0014, from: 'client', reply: ['tx.commit-ok'], args: {} },
  'tx.commit-ok': { id: 0x005a_0015, from: 'server', args: {} },
  'tx.rollback': { id: 0x005a_001e, from: 'client', reply: ['tx.rollback-ok'], args: {} },
  'tx.rollback-ok': { id: 0x005a_001f, from: 'server', args: {} },
} as const satisfies Record<string, MethodSpec>;
