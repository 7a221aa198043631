import { type Args, type Signature, signatures } from '../python';
import { fitting } from './argument-checks';
import type { BasicProperties, Table } from './basic-properties';
import type { OnCancel, OnMessage, OnReturn } from './blocking-channel';

/** The arguments, and what they mean. */
interface TopologyArgumentTypes {
  /** The exchange; '' is the default one. */
  exchange: [exchange: string];
  /** `direct`, `fanout`, `headers`, `topic`, or what a plugin of the broker brings. */
  exchange_type: [exchange_type: string];
  /** Only check that it is there; 404 if not. */
  passive: [passive: boolean];
  /** Whether it survives a restart of the broker. */
  durable: [durable: boolean];
  /** For this connection only, and gone with it. */
  exclusive: [exclusive: boolean];
  /** Gone when the last one that used it has left. */
  auto_delete: [auto_delete: boolean];
  /** For bindings of exchanges only: nobody may publish to it. */
  internal: [internal: boolean];
  /** RabbitMQ's x-arguments. */
  arguments: [arguments: Table | null];
  /** 406 if it is in use. */
  if_unused: [if_unused: boolean];
  /** 406 if it has messages. */
  if_empty: [if_empty: boolean];
  /** The exchange that receives. */
  destination: [destination: string];
  /** The exchange that gives. */
  source: [source: string];
  /** What is routed; of queues, null is the name of the queue. */
  routing_key: [routing_key: string | null];
  /** The queue; where one is declared, '' lets the broker choose a name, elsewhere '' is the one declared last. */
  queue: [queue: string];
}

const TOPOLOGY = fitting(
  signatures<TopologyArgumentTypes>()('BlockingChannel', {
    exchange_declare:
      "exchange, exchange_type='direct', passive=False, durable=False, auto_delete=False, internal=False, arguments=None",
    exchange_delete: 'exchange=None, if_unused=False',
    exchange_bind: "destination, source, routing_key='', arguments=None",
    exchange_unbind: "destination=None, source=None, routing_key='', arguments=None",
    queue_declare: 'queue, passive=False, durable=False, exclusive=False, auto_delete=False, arguments=None',
    queue_delete: 'queue, if_unused=False, if_empty=False',
    queue_purge: 'queue',
    queue_bind: 'queue, exchange, routing_key=None, arguments=None',
    queue_unbind: 'queue, exchange=None, routing_key=None, arguments=None',
    tx_select: '',
    tx_commit: '',
    tx_rollback: '',
  }),
);

/** The arguments, and what they mean. */
interface MessageArgumentTypes {
  /** The queue; '' is the one declared last. */
  queue: [queue: string];
  /** The broker forgets the message when it has sent it. */
  auto_ack: [auto_ack: boolean];
  /** `method.delivery_tag` of a message; with `multiple`, 0 stands for all. */
  delivery_tag: [delivery_tag: number];
  /** All messages up to this one. */
  multiple: [multiple: boolean];
  /** Back to the queue, or away (dead letters). */
  requeue: [requeue: boolean];
  /** '' is the default exchange, which takes the routing key for the name of a queue. */
  exchange: [exchange: string];
  /** By this the exchange finds the queues. */
  routing_key: [routing_key: string];
  /** Bytes; a string is sent as UTF-8. */
  body: [body: string | Uint8Array];
  /** The properties of the message. */
  properties: [properties: BasicProperties | null];
  /** The message comes back if no queue takes it. */
  mandatory: [mandatory: boolean];
  /** RabbitMQ has none: anything but 0 ends the connection (540). */
  prefetch_size: [prefetch_size: number];
  /** Unsettled messages at most, of each consumer to come; 0: no limit. */
  prefetch_count: [prefetch_count: number];
  /** The limit is that of all consumers of the channel together; RabbitMQ 4.3 takes it as that of each. */
  global_qos: [global_qos: boolean];
  /** RabbitMQ has no false: it ends the connection (540). */
  active: [active: boolean];
  /** Runs from the functions that wait for events. */
  callback: [callback: OnReturn];
}

const MESSAGE = fitting(
  signatures<MessageArgumentTypes>()('BlockingChannel', {
    flow: 'active',
    add_on_return_callback: 'callback',
    basic_ack: 'delivery_tag=0, multiple=False',
    basic_nack: 'delivery_tag=0, multiple=False, requeue=True',
    basic_reject: 'delivery_tag=0, requeue=True',
    basic_get: 'queue, auto_ack=False',
    basic_publish: 'exchange, routing_key, body, properties=None, mandatory=False',
    basic_qos: 'prefetch_size=0, prefetch_count=0, global_qos=False',
    basic_recover: 'requeue=False',
  }),
);

/** The arguments, and what they mean. */
interface ConsumingArgumentTypes {
  /** The queue; '' is the one declared last. */
  queue: [queue: string];
  /** Runs for each message, from the functions that wait for events. */
  on_message_callback: [on_message_callback: OnMessage];
  /** The broker forgets a message when it has sent it. */
  auto_ack: [auto_ack: boolean];
  /** The queue is for this consumer alone. */
  exclusive: [exclusive: boolean];
  /** The consumer's name on this channel; null: one is made. */
  consumer_tag: [consumer_tag: string | null];
  /** RabbitMQ's x-arguments. */
  arguments: [arguments: Table | null];
  /** Seconds without a message after which three times null is yielded; null: never. */
  inactivity_timeout: [inactivity_timeout: number | null];
  /** Runs when the broker has ended a consumer. */
  callback: [callback: OnCancel];
  /** For the broker's log. */
  reply_code: [reply_code: number];
  /** For the broker's log. */
  reply_text: [reply_text: string];
}

const CONSUME =
  'queue, auto_ack=False, exclusive=False, arguments=None, inactivity_timeout=None, consumer_tag=None';
const CONSUMING = fitting(
  signatures<ConsumingArgumentTypes>()('BlockingChannel', {
    close: "reply_code=0, reply_text='Normal shutdown'",
    add_on_cancel_callback: 'callback',
    basic_consume:
      'queue, on_message_callback, auto_ack=False, exclusive=False, consumer_tag=None, arguments=None',
    basic_cancel: 'consumer_tag',
    stop_consuming: 'consumer_tag=None',
    consume: CONSUME,
  }),
);

/** How the methods of a channel are called, and what their arguments mean. */
export const DEF = { ...TOPOLOGY, ...MESSAGE, ...CONSUMING };

/** Without a limit there is a message in every step. */
type Endless = Omit<ConsumingArgumentTypes, 'inactivity_timeout'> & {
  /** Only null is without a limit. */
  inactivity_timeout: [inactivity_timeout: null];
};
export type ConsumeForever = Args<Signature<Endless, typeof CONSUME>>;
/** What `consume` was asked for. */
export type Wanted = ReturnType<typeof CONSUMING.consume>;
