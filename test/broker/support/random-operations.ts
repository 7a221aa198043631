import * as fc from 'fast-check';

/**
 * What the random comparison does. A channel reads from one queue only, since the order in which messages of two
 * queues arrive is nobody's promise.
 */
export const QUEUES = ['q1', 'q2', 'dead'] as const;
export type QueueName = (typeof QUEUES)[number];

/** Connection and channel of each actor, and the queue it reads. */
export const ACTORS: readonly { connection: number; channel: number; reads: QueueName; tx?: true }[] = [
  { connection: 0, channel: 1, reads: 'q1' },
  { connection: 0, channel: 2, reads: 'q2' },
  { connection: 1, channel: 1, reads: 'q1' },
  { connection: 1, channel: 2, reads: 'dead' },
  { connection: 1, channel: 3, reads: 'q2', tx: true },
];

/** Exchanges that are declared for it. */
export const EXCHANGES = ['direct', 'topic', 'headers'] as const;
export type ExchangeName = (typeof EXCHANGES)[number];

/** Values of headers, to route by. */
export type Headers = { h?: number; i?: string };
export type Arguments = Record<string, string | number | boolean>;

export type Operation =
  | {
      op: 'publish';
      actor: number;
      exchange: '' | 'amq.fanout' | ExchangeName;
      key: string;
      mandatory: boolean;
      priority: number;
      cc: string[];
      headers: Headers;
      /** `fleeting` has expired before anything else is done; `0` expires unless a consumer takes it at once. */
      expiration?: '0' | 'fleeting' | undefined;
    }
  | { op: 'get'; actor: number; noAck: boolean }
  | { op: 'consume'; actor: number; tag: string; noAck: boolean; exclusive: boolean; priority: number }
  | { op: 'cancel'; actor: number; tag: string }
  | {
      op: 'settle';
      actor: number;
      how: 'ack' | 'nack' | 'reject';
      tag: number;
      multiple: boolean;
      requeue: boolean;
    }
  | { op: 'qos'; actor: number; count: number; global: boolean }
  | { op: 'recover' | 'commit' | 'rollback' | 'reopen'; actor: number }
  | { op: 'purge'; actor: number; queue: QueueName }
  | {
      op: 'bind' | 'unbind';
      actor: number;
      queue: QueueName;
      exchange: ExchangeName;
      key: string;
      match: Arguments;
    }
  | {
      op: 'link' | 'unlink';
      actor: number;
      source: ExchangeName;
      destination: ExchangeName;
      key: string;
      match: Arguments;
    };

const actor = fc.nat(ACTORS.length - 1);
const key = fc.constantFrom('q1', 'q2', 'dead', 'a', 'a.b', 'a.b.c', '');
const pattern = fc.constantFrom('a', 'a.*', '#', 'a.#', '*.b', '#.c', '*', '*.#', '');
const tag = fc.constantFrom('one', 'two');
const queue = fc.constantFrom(...QUEUES);
const exchange = fc.constantFrom(...EXCHANGES);
const seldom = fc.nat(5).map((dice) => dice === 0);
const headers = fc.constantFrom<Headers>({}, {}, { h: 1 }, { h: 2 }, { i: 'x' }, { h: 1, i: 'x' });
const match = fc.constantFrom<Arguments>(
  {},
  { h: 1 },
  { h: 1, i: 'x' },
  { 'x-match': 'all', h: 1, i: 'x' },
  { 'x-match': 'any', h: 2, i: 'x' },
  { 'x-match': 'any' },
);

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('publish' as const),
      actor,
      exchange: fc.constantFrom('' as const, 'amq.fanout' as const, ...EXCHANGES),
      key,
      mandatory: fc.boolean(),
      priority: fc.nat(7),
      cc: fc.oneof(
        { weight: 4, arbitrary: fc.constant<string[]>([]) },
        fc.array<string>(key, { maxLength: 2 }),
      ),
      headers,
      expiration: fc.constantFrom(
        undefined,
        undefined,
        undefined,
        undefined,
        '0' as const,
        'fleeting' as const,
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('get' as const), actor, noAck: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('consume' as const),
      actor,
      tag,
      noAck: seldom,
      exclusive: seldom,
      priority: fc.nat(2),
    }),
  },
  fc.record({ op: fc.constant('cancel' as const), actor, tag }),
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('settle' as const),
      actor,
      how: fc.constantFrom('ack' as const, 'nack' as const, 'reject' as const),
      tag: fc.integer({ min: 0, max: 6 }),
      multiple: fc.boolean(),
      requeue: fc.boolean(),
    }),
  },
  fc.record({ op: fc.constant('qos' as const), actor, count: fc.nat(3), global: seldom }),
  fc.record({
    op: fc.constantFrom('recover' as const, 'commit' as const, 'rollback' as const, 'reopen' as const),
    actor,
  }),
  fc.record({ op: fc.constant('purge' as const), actor, queue }),
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom('bind' as const, 'bind' as const, 'unbind' as const),
      actor,
      queue,
      exchange,
      key: pattern,
      match,
    }),
  },
  fc.record({
    op: fc.constantFrom('link' as const, 'link' as const, 'unlink' as const),
    actor,
    source: exchange,
    destination: exchange,
    key: pattern,
    match,
  }),
);

/** Arguments of the first queue. */
export const traits = fc.constantFrom<Arguments>(
  {},
  { 'x-max-length': 2 },
  { 'x-max-length': 2, 'x-overflow': 'reject-publish' },
  { 'x-max-length': 1, 'x-overflow': 'reject-publish-dlx' },
  { 'x-max-length-bytes': 5 },
  { 'x-max-priority': 5 },
  { 'x-single-active-consumer': true },
  { 'x-message-ttl': 0 },
  { 'x-queue-type': 'quorum' },
  { 'x-queue-type': 'quorum', 'x-max-length': 2, 'x-overflow': 'reject-publish' },
  { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 },
);
