import type { Notice } from '../../contract/notices';
import type { SessionDescription } from '../../contract/session-options';
import { AmqpError, ConnectionClosedError, channelErrorClass, fromRecord } from '../../errors';
import { describeReply, replyCodeName } from '../../protocol/constants';
import { Names } from '../../topology/names';
import type { HostedChannel, Outages, ToQueue } from '../channel/channel-host';
import type { Replies } from '../channel/replies';
import { HAPPENING } from '../diagnostics';
import { DISPATCH, type Dispatcher } from '../dispatcher';
import type { Pump } from '../pump';
import type { RecoveryFailure, RecoveryInfo } from './recovery-info';

/** The connection, as its recovery sees it. */
export interface Recovered {
  readonly pump: Pump;
  readonly dispatcher: Dispatcher;
  /** The open channels, by number. */
  readonly channels: ReadonlyMap<number, HostedChannel>;
  /** Requests on channel 0. */
  readonly replies: Replies;
  readonly isBlocked: boolean;
  readonly owner: RecoveryListener;
  lost(): void;
  recovered(session: SessionDescription): void;
  /** A queue has another name. */
  renamed(old: string, fresh: string): void;
}

/** The public connection, as far as its recovery calls it. */
export interface RecoveryListener {
  onOutage: ((error: AmqpError) => void) | undefined;
  onRecovery: ((info: RecoveryInfo) => void) | undefined;
}

/**
 * The recovery of a connection, on the blocking side. The worker does the work; here it is noticed, in
 * the order of the frames.
 *
 *   [open] --notice: lost--> [outage] --notice: recovered--> [open] ...
 *      what was under way ends,    |          generation + 1, calls under way are repeated
 *      or waits                    +-- given up, close() --> the connection has ended
 */
export class Recovery implements Outages {
  /** How often the connection has been opened. */
  generation = 1;
  /** Why the connection is not there now. */
  outage: AmqpError | undefined;
  /** Milliseconds of all outages. */
  downtime = 0;
  readonly names = new Names();

  constructor(readonly connection: Recovered) {}

  /** The worker has something to say. */
  notice(payload: Buffer): void {
    const notice = JSON.parse(payload.toString()) as Notice;
    if (notice.notice === 'lost') this.#lost(fromRecord(notice.record));
    else this.#recovered(notice);
  }

  #lost(error: AmqpError): void {
    const { connection } = this;
    this.outage = error;
    if (HAPPENING.recovery.isHeard)
      HAPPENING.recovery.tell({ connection: connection.owner, state: 'lost', error, info: undefined });
    connection.pump.suspended = true;
    connection.pump.isHeld = true;
    connection.lost();
    connection.replies.interrupt(error);
    for (const channel of [...connection.channels.values()]) channel.connectionLost(error);
    if (connection.owner.onOutage !== undefined)
      connection.dispatcher.push({ [DISPATCH]: () => connection.owner.onOutage?.(error) });
  }

  #recovered(notice: Extract<Notice, { notice: 'recovered' }>): void {
    const { connection } = this;
    const cause = this.outage ?? new ConnectionClosedError('the connection was lost');
    this.generation = notice.generation;
    this.outage = undefined;
    this.downtime += notice.downtime;
    // first of all: what is written from here on is for the new broker
    connection.pump.link.enter(notice.generation);
    connection.pump.suspended = false;
    connection.pump.isHeld = connection.isBlocked;
    for (const [old, fresh] of notice.renames) {
      this.names.rename(old, fresh);
      connection.renamed(old, fresh);
    }
    connection.recovered(notice.session);
    const failures = notice.failures.map(failureOf);
    this.#resume(new Map(notice.channels), failures);
    this.#report({
      epoch: this.generation,
      cause,
      downtime: notice.downtime,
      attempts: notice.attempts,
      host: notice.session.host,
      renamed: new Map(notice.renames),
      failures,
    });
  }

  #resume(open: ReadonlyMap<number, readonly string[]>, failures: readonly RecoveryFailure[]): void {
    const { pump, channels, replies } = this.connection;
    for (const { plan, args } of replies.owed)
      pump.defer(() => pump.write(0, plan.name, args, Number.POSITIVE_INFINITY));
    for (const channel of [...channels.values()]) {
      const own = failures.filter(({ channel: number }) => number === channel.id);
      const failed = own.find(({ entity }) => entity === 'channel')?.error;
      const consumers = own.filter(({ entity }) => entity === 'consumer');
      const tags = open.get(channel.id) ?? [];
      channel.recovered(open.has(channel.id), failed ?? notReopened(channel.id), tags, consumers);
    }
    for (const number of open.keys()) {
      if (channels.has(number)) continue;
      const args = { replyCode: 200, replyText: 'nobody knows it any more' };
      pump.defer(() => pump.write(number, 'channel.close', args, Number.POSITIVE_INFINITY));
    }
  }

  /** Consumers hear of their failures by themselves; of the others somebody has to. */
  #report(info: RecoveryInfo): void {
    const { dispatcher, owner } = this.connection;
    if (HAPPENING.recovery.isHeard)
      HAPPENING.recovery.tell({ connection: owner, state: 'recovered', error: info.cause, info });
    const unheard = info.failures.filter(({ entity }) => entity !== 'consumer' && entity !== 'channel');
    if (owner.onRecovery === undefined && unheard.length === 0) return;
    dispatcher.push({
      [DISPATCH]: () => {
        if (owner.onRecovery !== undefined) return owner.onRecovery(info);
        if (unheard.length > 0) throw incomplete(unheard);
      },
    });
  }

  /** Options of a publish, with the names that queues have now. */
  currentAddress<O extends ToQueue>(options: O): O {
    const { names } = this;
    if (names.isEmpty) return options;
    const { exchange = '', routingKey = '', replyTo = '' } = options;
    const key = exchange === '' ? names.of(routingKey) : routingKey;
    if (key === routingKey && names.of(replyTo) === replyTo) return options;
    return { ...options, routingKey: key, ...(replyTo === '' ? undefined : { replyTo: names.of(replyTo) }) };
  }

  /** Arguments that call a queue by the name it had before, with the name that it has now. */
  current<A extends object>(args: A): A {
    if (this.names.isEmpty) return args;
    const { queue, routingKey } = args as { queue?: string; routingKey?: string };
    if (queue === undefined || this.names.of(queue) === queue) return args;
    const fresh = this.names.of(queue);
    return { ...args, queue: fresh, ...(routingKey === queue ? { routingKey: fresh } : undefined) };
  }
}

function failureOf({
  entity,
  name,
  channel,
  replyCode,
  replyText,
}: Extract<Notice, { notice: 'recovered' }>['failures'][number]): RecoveryFailure {
  const error = new (channelErrorClass(replyCode))(
    `${entity} "${name}" was not brought back after the connection was recovered: ${describeReply(replyCode, replyText)}`,
    { code: replyCodeName(replyCode), replyCode, replyText, origin: 'broker' },
  );
  return { entity, name, channel, error };
}

function notReopened(number: number): AmqpError {
  return new ConnectionClosedError(
    `channel ${number} was not opened again after the connection was recovered`,
  );
}

function incomplete(failures: readonly RecoveryFailure[]): AmqpError {
  const list = failures.map(({ error }) => `\n  ${error.message}`).join('');
  return new AmqpError(
    `the connection was recovered, but for ${failures.length} of what was declared:${list}`,
    {
      code: 'RECOVERY_INCOMPLETE',
      origin: 'broker',
      cause: failures[0]?.error,
    },
  );
}
