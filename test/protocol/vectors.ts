import type { Args, MethodName } from '../../src/protocol/method-types';
import { hex, table } from './bytes';

/**
 * The payload of every method frame, written down by hand from the specification (amqp0-9-1.extended.xml
 * and RabbitMQ's extensions): class id, method id, then one group of digits for each field.
 * Tables are grouped as length, then key length, key, letter, value.
 */
export interface Vector {
  name: MethodName;
  args: Args<MethodName>;
  hex: string;
}

function vector<M extends MethodName>(name: M, args: Args<M>, hex: string): Vector {
  return { name, args, hex };
}

export const VECTORS: readonly Vector[] = [
  // ── connection (10) ───────────────────────────────────────────────────────────────────────────────
  vector(
    'connection.start',
    {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: table({ product: 'RabbitMQ', capabilities: table({ 'basic.nack': true }) }),
      mechanisms: 'PLAIN AMQPLAIN',
      locales: 'fr_FR en_US',
    },
    `000a 000a 00 09
     00000034 07 70726f64756374 53 00000008 5261626269744d51
              0c 6361706162696c6974696573 46 0000000d 0a 62617369632e6e61636b 74 01
     0000000e 504c41494e20414d51504c41494e 0000000b 66725f465220656e5f5553`,
  ),
  vector(
    'connection.start-ok',
    {
      clientProperties: table({ größe: 1 }),
      mechanism: 'PLAIN',
      response: hex('007500fffe'),
      locale: 'en_US',
    },
    `000a 000b 0000000d 07 6772c3b6c39f65 49 00000001 05 504c41494e 00000005 007500fffe 05 656e5f5553`,
  ),
  vector('connection.secure', { challenge: hex('0080ff') }, '000a 0014 00000003 0080ff'),
  vector('connection.secure-ok', { response: hex('deadbeef') }, '000a 0015 00000004 deadbeef'),
  vector(
    'connection.tune',
    { channelMax: 2047, frameMax: 131072, heartbeat: 60 },
    '000a 001e 07ff 00020000 003c',
  ),
  vector(
    'connection.tune-ok',
    { channelMax: 65535, frameMax: 0x01020304, heartbeat: 580 },
    '000a 001f ffff 01020304 0244',
  ),
  // reserved-1 (capabilities) is an empty short string, reserved-2 (insist) a bit of its own octet
  vector('connection.open', { virtualHost: '/größe' }, '000a 0028 08 2f6772c3b6c39f65 00 00'),
  vector('connection.open-ok', {}, '000a 0029 00'),
  vector(
    'connection.close',
    { replyCode: 320, replyText: 'adiós', classId: 60, methodId: 40 },
    '000a 0032 0140 06 616469c3b373 003c 0028',
  ),
  vector('connection.close-ok', {}, '000a 0033'),
  vector('connection.blocked', { reason: 'low ☠' }, '000a 003c 07 6c6f7720e298a0'),
  vector('connection.unblocked', {}, '000a 003d'),
  vector(
    'connection.update-secret',
    { newSecret: hex('c0ffee00'), reason: 'renewed' },
    '000a 0046 00000004 c0ffee00 07 72656e65776564',
  ),
  vector('connection.update-secret-ok', {}, '000a 0047'),

  // ── channel (20) ──────────────────────────────────────────────────────────────────────────────────
  vector('channel.open', {}, '0014 000a 00'), // reserved-1 is a short string …
  vector('channel.open-ok', {}, '0014 000b 00000000'), // … and here a long one
  vector('channel.flow', { active: true }, '0014 0014 01'),
  vector('channel.flow', { active: false }, '0014 0014 00'),
  vector('channel.flow-ok', { active: true }, '0014 0015 01'),
  vector(
    'channel.close',
    { replyCode: 404, replyText: 'NOT_FOUND', classId: 50, methodId: 10 },
    '0014 0028 0194 09 4e4f545f464f554e44 0032 000a',
  ),
  vector('channel.close-ok', {}, '0014 0029'),

  // ── access (30) ───────────────────────────────────────────────────────────────────────────────────
  vector(
    'access.request',
    { realm: '/data', exclusive: true, passive: false, active: true, write: true, read: false },
    '001e 000a 05 2f64617461 0d',
  ),
  vector('access.request-ok', {}, '001e 000b 0000'),

  // ── exchange (40) ─────────────────────────────────────────────────────────────────────────────────
  vector(
    'exchange.declare',
    {
      exchange: 'été',
      type: 'topic',
      passive: false,
      durable: true,
      autoDelete: false,
      internal: true,
      noWait: true,
      arguments: table({ 'alternate-exchange': 'alt' }),
    },
    `0028 000a 0000 05 c3a974c3a9 05 746f706963 1a
     0000001b 12 616c7465726e6174652d65786368616e6765 53 00000003 616c74`,
  ),
  vector('exchange.declare-ok', {}, '0028 000b'),
  vector('exchange.delete', { exchange: 'x', ifUnused: false, noWait: true }, '0028 0014 0000 01 78 02'),
  vector('exchange.delete-ok', {}, '0028 0015'),
  vector(
    'exchange.bind',
    { destination: 'dst', source: 'src€', routingKey: 'a.#', noWait: true, arguments: table({ n: null }) },
    '0028 001e 0000 03 647374 06 737263e282ac 03 612e23 01 00000003 01 6e 56',
  ),
  vector('exchange.bind-ok', {}, '0028 001f'),
  vector(
    'exchange.unbind',
    { destination: 'd', source: 's', routingKey: '*.b', noWait: false, arguments: table({ f: 0.5 }) },
    '0028 0028 0000 01 64 01 73 03 2a2e62 00 0000000b 01 66 64 3fe0000000000000',
  ),
  vector('exchange.unbind-ok', {}, '0028 0033'), // 51: the one reply that is not request + 1

  // ── queue (50) ────────────────────────────────────────────────────────────────────────────────────
  vector(
    'queue.declare',
    {
      queue: 'zażółć',
      passive: false,
      durable: true,
      exclusive: false,
      autoDelete: true,
      noWait: false,
      arguments: table({ 'x-max-length': 10_000_000_000, 'x-lazy': true, 'x-list': ['a', [1]] }),
    },
    `0032 000a 0000 0a 7a61c5bcc3b3c582c487 0a
     0000003b 0c 782d6d61782d6c656e677468 6c 00000002540be400 06 782d6c617a79 74 01
              06 782d6c697374 41 00000010 53 00000001 61 41 00000005 49 00000001`,
  ),
  vector(
    'queue.declare-ok',
    { queue: 'amq.gen-1', messageCount: 0x01020304, consumerCount: 7 },
    '0032 000b 09 616d712e67656e2d31 01020304 00000007',
  ),
  vector(
    'queue.bind',
    { queue: 'q', exchange: 'ex', routingKey: '', noWait: true, arguments: table({ 'x-match': 'any' }) },
    '0032 0014 0000 01 71 02 6578 00 01 00000010 07 782d6d61746368 53 00000003 616e79',
  ),
  vector('queue.bind-ok', {}, '0032 0015'),
  vector('queue.purge', { queue: 'q', noWait: true }, '0032 001e 0000 01 71 01'),
  vector('queue.purge-ok', { messageCount: 0xffff_ffff }, '0032 001f ffffffff'),
  vector(
    'queue.delete',
    { queue: 'qü', ifUnused: false, ifEmpty: true, noWait: true },
    '0032 0028 0000 03 71c3bc 06',
  ),
  vector('queue.delete-ok', { messageCount: 0x10203 }, '0032 0029 00010203'),
  vector(
    'queue.unbind', // has no no-wait bit
    { queue: 'q', exchange: 'ex', routingKey: 'rk', arguments: table({ b: hex('00ff') }) },
    '0032 0032 0000 01 71 02 6578 02 726b 00000009 01 62 78 00000002 00ff',
  ),
  vector('queue.unbind-ok', {}, '0032 0033'),

  // ── basic (60) ────────────────────────────────────────────────────────────────────────────────────
  vector(
    'basic.qos',
    { prefetchSize: 65536, prefetchCount: 300, global: true },
    '003c 000a 00010000 012c 01',
  ),
  vector('basic.qos-ok', {}, '003c 000b'),
  vector(
    'basic.consume',
    {
      queue: 'q',
      consumerTag: 'ctag-1',
      noLocal: true,
      noAck: false,
      exclusive: true,
      noWait: true,
      arguments: table({ 'x-priority': -5 }),
    },
    '003c 0014 0000 01 71 06 637461672d31 0d 00000010 0a 782d7072696f72697479 49 fffffffb',
  ),
  vector('basic.consume-ok', { consumerTag: 'ctag-1' }, '003c 0015 06 637461672d31'),
  vector('basic.cancel', { consumerTag: 'ctag-1', noWait: true }, '003c 001e 06 637461672d31 01'),
  vector('basic.cancel-ok', { consumerTag: 'ç' }, '003c 001f 02 c3a7'),
  vector(
    'basic.publish',
    { exchange: 'logs', routingKey: 'a.é', mandatory: false, immediate: true },
    '003c 0028 0000 04 6c6f6773 04 612ec3a9 02',
  ),
  vector(
    'basic.publish',
    { exchange: '', routingKey: '😀', mandatory: true, immediate: false },
    '003c 0028 0000 00 04 f09f9880 01',
  ),
  vector(
    'basic.return',
    { replyCode: 312, replyText: 'NO_ROUTE', exchange: 'ex', routingKey: 'rk' },
    '003c 0032 0138 08 4e4f5f524f555445 02 6578 02 726b',
  ),
  vector(
    'basic.deliver',
    { consumerTag: 'c', deliveryTag: 2 ** 53 - 1, redelivered: true, exchange: '', routingKey: 'q' },
    '003c 003c 01 63 001fffffffffffff 01 00 01 71',
  ),
  vector('basic.get', { queue: 'q', noAck: true }, '003c 0046 0000 01 71 01'),
  vector(
    'basic.get-ok',
    {
      deliveryTag: 0x1_0000_0002,
      redelivered: true,
      exchange: 'ex',
      routingKey: 'rk',
      messageCount: 0xffff_fffe,
    },
    '003c 0047 0000000100000002 01 02 6578 02 726b fffffffe',
  ),
  vector('basic.get-empty', {}, '003c 0048 00'),
  vector('basic.ack', { deliveryTag: 1, multiple: true }, '003c 0050 0000000000000001 01'),
  vector('basic.reject', { deliveryTag: 2 ** 32, requeue: true }, '003c 005a 0000000100000000 01'),
  vector('basic.recover-async', { requeue: true }, '003c 0064 01'),
  vector('basic.recover', { requeue: true }, '003c 006e 01'),
  vector('basic.recover-ok', {}, '003c 006f'),
  vector(
    'basic.nack',
    { deliveryTag: 2 ** 31, multiple: false, requeue: true },
    '003c 0078 0000000080000000 02',
  ),

  // ── confirm (85), tx (90) ─────────────────────────────────────────────────────────────────────────
  vector('confirm.select', { noWait: true }, '0055 000a 01'),
  vector('confirm.select-ok', {}, '0055 000b'),
  vector('tx.select', {}, '005a 000a'),
  vector('tx.select-ok', {}, '005a 000b'),
  vector('tx.commit', {}, '005a 0014'),
  vector('tx.commit-ok', {}, '005a 0015'),
  vector('tx.rollback', {}, '005a 001e'),
  vector('tx.rollback-ok', {}, '005a 001f'),
];

/**
 * The methods in which several bits share an octet, and the order of these bits from the lowest:
 * `before` are the fields in front of the octet, all zero or empty.
 */
export const BIT_ORDER: readonly { name: MethodName; before: string; bits: readonly string[] }[] = [
  {
    name: 'access.request',
    before: '001e 000a 00',
    bits: ['exclusive', 'passive', 'active', 'write', 'read'],
  },
  {
    name: 'exchange.declare',
    before: '0028 000a 0000 00 00',
    bits: ['passive', 'durable', 'autoDelete', 'internal', 'noWait'],
  },
  { name: 'exchange.delete', before: '0028 0014 0000 00', bits: ['ifUnused', 'noWait'] },
  {
    name: 'queue.declare',
    before: '0032 000a 0000 00',
    bits: ['passive', 'durable', 'exclusive', 'autoDelete', 'noWait'],
  },
  { name: 'queue.delete', before: '0032 0028 0000 00', bits: ['ifUnused', 'ifEmpty', 'noWait'] },
  {
    name: 'basic.consume',
    before: '003c 0014 0000 00 00',
    bits: ['noLocal', 'noAck', 'exclusive', 'noWait'],
  },
  { name: 'basic.publish', before: '003c 0028 0000 00 00', bits: ['mandatory', 'immediate'] },
  { name: 'basic.nack', before: '003c 0078 0000000000000000', bits: ['multiple', 'requeue'] },
];
