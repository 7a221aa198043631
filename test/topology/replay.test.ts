import { PLANS } from '../../src/protocol/codec';
import type { Outgoing } from '../../src/protocol/handshake';
import type { MethodName } from '../../src/protocol/method-types';
import { Journal } from '../../src/topology/journal';
import { Replay } from '../../src/topology/replay';
import type { ReplayReport } from '../../src/topology/replay-steps';
import { contents, method, Talk } from './talk';

/** The answer of a broker to a request: its consent, or why not. */
type Answer = { replyCode: number; replyText: string } | undefined;

/** A broker that carries out a replay, unless `judge` says no; time is a list of what is due. */
class Rehearsal {
  readonly log: string[] = [];
  readonly report: ReplayReport = { renames: [], failures: [] };
  readonly replay: Replay;
  readonly pauses: number[] = [];
  readonly restarted: number[] = [];
  isDone = false;
  readonly #inbox: [number, Outgoing][] = [];
  readonly #due: (() => void)[] = [];
  readonly #open = new Set<number>();
  #nextName = 1;

  constructor(
    journal: Journal,
    readonly judge: (channel: number, method: Outgoing) => Answer = () => undefined,
    { channelMax = 2047, lockTimeout = 5000, declares = true } = {},
  ) {
    this.replay = new Replay({ journal, report: this.report, declares }, channelMax, lockTimeout, {
      send: (channel, outgoing) => this.#inbox.push([channel, outgoing]),
      later: (ms, then) => {
        this.pauses.push(ms);
        this.#due.push(then);
      },
      restarted: (channel) => this.restarted.push(channel),
      done: () => {
        this.isDone = true;
      },
    });
    this.replay.start();
    for (let steps = 0; this.#inbox.length > 0 || this.#due.length > 0; steps++) {
      if (steps > 10_000) throw new Error('the replay does not come to an end');
      const next = this.#inbox.shift();
      if (next === undefined) (this.#due.shift() as () => void)();
      else this.#take(...next);
    }
  }

  #take(channel: number, outgoing: Outgoing): void {
    const { name, args } = outgoing;
    if (name === 'channel.open') this.#open.add(channel);
    if (!this.#open.has(channel)) return; // closed: the broker does not hear it
    this.log.push(`${channel} ${name}${subject(args)}`);
    const verdict = this.judge(channel, outgoing);
    if (name === 'channel.close') this.#open.delete(channel);
    if (verdict === undefined)
      return this.#answer(channel, name, args as { queue?: string; consumerTag?: string });
    this.#open.delete(channel);
    const close = closeFor(name, verdict.replyCode, verdict.replyText);
    this.replay.received(channel, method('channel.close', close));
  }

  #answer(
    channel: number,
    name: MethodName,
    { queue, consumerTag }: { queue?: string; consumerTag?: string },
  ): void {
    const answer = PLANS[name].replies[0];
    if (answer === undefined) return;
    const given = { queue: queue === '' ? `made-${this.#nextName++}` : queue, consumerTag };
    expect(this.replay.received(channel, method(answer, given as never))).toBe(true);
  }
}

function subject(args: object): string {
  const { exchange, queue, destination, source, consumerTag, prefetchCount } = args as Record<
    string,
    unknown
  >;
  const words = [consumerTag, queue, destination, exchange, source, prefetchCount].filter(
    (each) => each !== undefined,
  );
  return words.length === 0 ? '' : ` ${words.join(' ')}`;
}

let journal: Journal;
let channel: Talk;
beforeEach(() => {
  journal = new Journal();
  channel = new Talk(journal);
});

/** An exchange, a queue bound to it, and a consumer. */
function declareAll(): void {
  channel.ask('exchange.declare', { exchange: 'e' });
  channel.ask('queue.declare', { queue: 'q' });
  channel.ask('queue.bind', { queue: 'q', exchange: 'e', routingKey: 'k' });
  channel.ask('basic.consume', { queue: 'q', consumerTag: 'c' });
}

/** A replay whose requests have been sent, and nobody has answered. */
function unanswered(declares: boolean) {
  const report: ReplayReport = { renames: [], failures: [] };
  const quiet = { send: () => {}, later: () => {}, restarted: () => {}, done: () => {} };
  const replay = new Replay({ journal, report, declares }, 2047, 0, quiet);
  replay.start();
  return { replay, report };
}

function closeFor(name: MethodName, replyCode: number, replyText: string) {
  const { id } = PLANS[name];
  return { replyCode, replyText, classId: id >>> 16, methodId: id & 0xffff };
}

const refuse = (wanted: string, replyCode: number, replyText: string, times = Number.POSITIVE_INFINITY) => {
  let left = times;
  return (_channel: number, { name, args }: Outgoing): Answer =>
    `${name}${subject(args)}` === wanted && left-- > 0 ? { replyCode, replyText } : undefined;
};

describe('what is said', () => {
  test('nothing, when there is nothing', () => {
    const { log, isDone } = new Rehearsal(new Journal());
    expect([log, isDone]).toEqual([[], true]);
  });

  test('exchanges and queues, bindings, and then the channels; on a channel of its own what is no channel', () => {
    declareAll();
    channel.ask('exchange.bind', { source: 'e', destination: 'amq.fanout' });
    const other = new Talk(journal, 3);
    other.ask('tx.select');
    const { log, isDone, report } = new Rehearsal(journal);
    expect(isDone).toBe(true);
    expect(report).toEqual({ renames: [], failures: [] });
    expect(log).toEqual([
      ...['2 channel.open', '2 exchange.declare e', '2 queue.declare q'],
      ...['2 queue.bind q e', '2 exchange.bind amq.fanout e', '2 channel.close'],
      ...['1 channel.open', '1 basic.consume c q'],
      ...['3 channel.open', '3 tx.select'],
    ]);
  });

  test('each consumer with the prefetch it began with, and in the end that of those to come', () => {
    channel.ask('basic.qos', { prefetchCount: 50, global: true });
    channel.ask('basic.qos', { prefetchCount: 1 });
    for (const consumerTag of ['a', 'b']) channel.ask('basic.consume', { queue: 'q', consumerTag });
    channel.ask('basic.qos', { prefetchCount: 2 });
    channel.ask('basic.consume', { queue: 'q', consumerTag: 'c' });
    channel.ask('basic.qos', { prefetchCount: 3 });
    channel.ask('confirm.select');
    expect(new Rehearsal(journal).log).toEqual([
      ...['1 channel.open', '1 basic.qos 50', '1 confirm.select'],
      ...['1 basic.qos 1', '1 basic.consume a q', '1 basic.consume b q'],
      ...['1 basic.qos 2', '1 basic.consume c q', '1 basic.qos 3'],
    ]);
  });

  test('a queue that the broker named is bound and consumed from by its new name', () => {
    channel.ask('queue.declare', { exclusive: true }, { queue: 'old' });
    channel.ask('queue.bind', { queue: 'old', exchange: 'amq.direct', routingKey: 'old' });
    channel.ask('basic.consume', { queue: 'old', consumerTag: 'c' });
    const { log, report } = new Rehearsal(journal);
    expect(report).toEqual({ renames: [['old', 'made-1']], failures: [] });
    expect(log.slice(1)).toEqual([
      ...['2 queue.declare ', '2 queue.bind made-1 amq.direct', '2 channel.close'],
      ...['1 channel.open', '1 basic.consume c made-1'],
    ]);
    expect(journal.entities.queues.get('made-1')).toMatchObject({ isServerNamed: true });
  });

  test('without `declares`: channels and consumers only', () => {
    declareAll();
    expect(new Rehearsal(journal, undefined, { declares: false }).log).toEqual([
      '1 channel.open',
      '1 basic.consume c q',
    ]);
  });
});

describe('what the broker refuses', () => {
  test('is left out and reported; what was sent behind it is sent again', () => {
    declareAll();
    channel.ask('queue.declare', { queue: 'r' });
    const { log, report, isDone } = new Rehearsal(
      journal,
      refuse('exchange.declare e', 406, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e'"),
    );
    expect(isDone).toBe(true);
    expect(report.failures).toMatchObject([{ entity: 'exchange', name: 'e', replyCode: 406 }]);
    expect(log.slice(0, 6)).toEqual([
      ...['2 channel.open', '2 exchange.declare e'],
      ...['2 channel.open', '2 queue.declare q', '2 queue.declare r', '2 queue.bind q e'],
    ]);
  });

  test('a consumer: the others of its channel begin anew, and it is forgotten', () => {
    for (const consumerTag of ['a', 'b', 'c'])
      channel.ask('basic.consume', { queue: consumerTag, consumerTag });
    const { log, report, restarted } = new Rehearsal(
      journal,
      refuse('basic.consume b b', 404, "NOT_FOUND - no queue 'b' in vhost '/'"),
    );
    expect(report.failures).toMatchObject([{ entity: 'consumer', name: 'b', channel: 1, replyCode: 404 }]);
    expect(log).toEqual([
      ...['1 channel.open', '1 basic.consume a a', '1 basic.consume b b'],
      ...['1 channel.open', '1 basic.consume a a', '1 basic.consume c c'],
    ]);
    expect(restarted).toEqual([1]);
    expect(contents(journal).channels).toEqual({ 1: { consumers: ['a @ a', 'c @ c'] } });
  });

  test('more than one entity is left out', () => {
    declareAll();
    const { report, isDone } = new Rehearsal(journal, (_channel, { name }) =>
      name.startsWith('channel.') ? undefined : { replyCode: 403, replyText: 'ACCESS_REFUSED' },
    );
    expect(isDone).toBe(true);
    expect(report.failures.map(({ entity }) => entity)).toEqual(['exchange', 'queue', 'binding', 'consumer']);
  });

  test('a channel above the new limit', () => {
    new Talk(journal, 9);
    const { report, log } = new Rehearsal(journal, undefined, { channelMax: 4 });
    expect(report.failures).toMatchObject([{ entity: 'channel', name: '9', channel: 9 }]);
    expect(log).toEqual(['1 channel.open']);
    expect(contents(journal).channels).toEqual({ 1: {} });
  });

  test('with the whole connection: the next replay does without it', () => {
    declareAll();
    const { replay, report } = unanswered(true);
    const close = closeFor('exchange.declare', 503, "COMMAND_INVALID - unknown exchange type 'x-odd'");
    expect(replay.refusedAll({ ...close, classId: 0, methodId: 0 })).toBe(false);
    expect(replay.refusedAll(close)).toBe(true);
    expect(report.failures).toMatchObject([{ entity: 'exchange', name: 'e', replyCode: 503 }]);
    expect(contents(journal)).toMatchObject({ exchanges: [], bindings: [] });
  });

  test('with the whole connection: what is quoted, on whatever channel', () => {
    for (const [number, queue] of [
      [1, 'q'],
      [3, 'r'],
    ] as const) {
      new Talk(journal, number).ask('basic.consume', { queue, consumerTag: `of ${queue}` });
    }
    const { replay, report } = unanswered(false);
    const close = closeFor('basic.consume', 540, "NOT_IMPLEMENTED - consumers of queue 'r'");
    expect(replay.refusedAll(close)).toBe(true);
    expect(report.failures).toMatchObject([{ entity: 'consumer', channel: 3 }]);
    expect(contents(journal).channels).toMatchObject({ 1: { consumers: ['of q @ q'] } });
  });
});

describe('what passes', () => {
  test('the lock of an exclusive queue is waited for, with ever longer pauses', () => {
    declareAll();
    const locked = refuse(
      'queue.declare q',
      405,
      "RESOURCE_LOCKED - cannot obtain exclusive access to 'q'",
      4,
    );
    const { report, pauses, isDone } = new Rehearsal(journal, locked);
    expect([report.failures, isDone]).toEqual([[], true]);
    expect(pauses).toEqual([50, 100, 200, 400]);
  });

  test('the lock is not waited for for ever', () => {
    declareAll();
    const locked = refuse('queue.declare q', 405, "RESOURCE_LOCKED - cannot obtain exclusive access to 'q'");
    const { report, pauses } = new Rehearsal(journal, locked, { lockTimeout: 3000 });
    expect(report.failures).toMatchObject([{ entity: 'queue', name: 'q', replyCode: 405 }]);
    expect(pauses.reduce((sum, each) => sum + each)).toBeGreaterThanOrEqual(3000);
    expect(pauses.reduce((sum, each) => sum + each)).toBeLessThanOrEqual(4000);
  });

  test('the lock is not waited for once retrying is stopped', () => {
    declareAll();
    const { report, pauses } = new Rehearsal(
      journal,
      refuse('queue.declare q', 405, "RESOURCE_LOCKED - cannot obtain exclusive access to 'q'"),
      { lockTimeout: 0 },
    );
    expect([report.failures.length, pauses]).toEqual([1, []]);
  });

  test('an autoDelete queue that vanishes under its consumer is declared and bound again', () => {
    declareAll();
    const { log, report } = new Rehearsal(
      journal,
      refuse('basic.consume c q', 404, "NOT_FOUND - no queue 'q' in vhost '/'", 1),
    );
    expect(report.failures).toEqual([]);
    expect(log.slice(-4)).toEqual([
      '1 channel.open',
      '1 queue.declare q',
      '1 queue.bind q e',
      '1 basic.consume c q',
    ]);
  });

  test('an autoDelete exchange that vanishes under a binding is declared again', () => {
    declareAll();
    const { log, report } = new Rehearsal(
      journal,
      refuse('queue.bind q e', 404, "NOT_FOUND - no exchange 'e' in vhost '/'", 1),
    );
    expect(report.failures).toEqual([]);
    expect(log.slice(4, 8)).toEqual([
      '2 channel.open',
      '2 exchange.declare e',
      '2 queue.declare q',
      '2 queue.bind q e',
    ]);
  });

  test('another connection still has the exclusive consumer', () => {
    declareAll();
    const text = "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use";
    expect(new Rehearsal(journal, refuse('basic.consume c q', 403, text, 2)).report.failures).toEqual([]);
  });
});
