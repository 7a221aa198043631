import {
  AmqpError,
  ConnectionClosedError,
  channelErrorClass,
  describeReply,
  type ErrorDetails,
  fromRecord,
} from '../errors';
import type { Notice } from '../notices';
import { replyCodeName } from '../protocol/constants';
import type { SessionDescription } from '../protocol/session-options';
import { Names } from '../topology/names';
import type { Channel } from './channel';
import type { Dispatcher } from './dispatcher';
import type { Pump } from './pump';
import type { RecoveryFailure, RecoveryInfo } from './recovery-info';
import type { Replies } from './rpc';

/** The connection, as its lives see it. */
export interface Lived {
  readonly pump: Pump;
  readonly dispatcher: Dispatcher;
  /** The open channels, by number. */
  readonly channels: ReadonlyMap<number, Channel>;
  /** Requests on channel 0. */
  readonly replies: Replies;
  readonly isBlocked: boolean;
  readonly onOutage: ((error: AmqpError) => void) | undefined;
  readonly onRecovery: ((info: RecoveryInfo) => void) | undefined;
  lost(): void;
  recovered(session: SessionDescription): void;
  /** A queue has another name. */
  renamed(old: string, fresh: string): void;
}

/**
 * The lives of a connection that is recovered, on the blocking side. The worker does the work; here it is noticed, in
 * the order of the frames.
 *
 *   [open] --notice: lost--> [outage] --notice: recovered--> [open] ...
 *      what was under way ends,    |          epoch + 1, calls under way are repeated
 *      or waits                    +-- given up, close() --> the connection has ended
 */
export class Lives {
  /** This one included. */
  epoch = 1;
  /** Why the connection is not there now. */
  outage: AmqpError | undefined;
  /** Milliseconds of all outages. */
  downtime = 0;
  readonly names = new Names();

  constructor(readonly connection: Lived) {}

  /** The worker has something to say. */
  notice(payload: Buffer): void {
    const notice = JSON.parse(payload.toString()) as Notice;
    if (notice.notice === 'lost') this.#lost(fromRecord(notice.record));
    else this.#recovered(notice);
  }

  #lost(error: AmqpError): void {
    const { connection } = this;
    this.outage = error;
    connection.pump.suspended = true;
    connection.pump.isHeld = true;
    connection.lost();
    connection.replies.interrupt(error);
    for (const channel of [...connection.channels.values()]) channel.interrupted(error);
    if (connection.onOutage !== undefined)
      connection.dispatcher.push({ dispatch: () => connection.onOutage?.(error) });
  }

  #recovered(notice: Extract<Notice, { notice: 'recovered' }>): void {
    const { connection } = this;
    const cause = this.outage ?? new ConnectionClosedError('the connection was lost');
    this.epoch = notice.epoch + 1;
    this.outage = undefined;
    this.downtime += notice.downtime;
    // first of all: what is written from here on is for the new broker
    connection.pump.link.enter(notice.epoch);
    connection.pump.suspended = false;
    connection.pump.isHeld = connection.isBlocked;
    for (const [old, fresh] of notice.renames) {
      this.names.rename(old, fresh);
      connection.renamed(old, fresh);
    }
    connection.recovered(notice.session);
    const failures = notice.failures.map(failureOf);
    this.#resume(new Map(notice.channels), failures);
    this.#tell({
      epoch: this.epoch,
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
      channel.consumersResumed(open.get(channel.id) ?? [], consumers);
      channel.resumed(open.has(channel.id), failed ?? notReopened(channel.id));
    }
    for (const number of open.keys()) {
      if (channels.has(number)) continue;
      const args = { replyCode: 200, replyText: 'nobody knows it any more' };
      pump.defer(() => pump.write(number, 'channel.close', args, Number.POSITIVE_INFINITY));
    }
  }

  /** Consumers hear of their failures by themselves; of the others somebody has to. */
  #tell(info: RecoveryInfo): void {
    const { dispatcher } = this.connection;
    const unheard = info.failures.filter(({ entity }) => entity !== 'consumer' && entity !== 'channel');
    if (this.connection.onRecovery === undefined && unheard.length === 0) return;
    dispatcher.push({
      dispatch: () => {
        const { onRecovery } = this.connection;
        if (onRecovery !== undefined) return onRecovery(info);
        if (unheard.length > 0) throw incomplete(unheard);
      },
    });
  }

  /** Arguments that call a queue by the name it had before. */
  current<A extends object>(args: A): A {
    if (this.names.isEmpty) return args;
    const { queue, routingKey } = args as { queue?: string; routingKey?: string };
    if (queue === undefined || this.names.of(queue) === queue) return args;
    const fresh = this.names.of(queue);
    return { ...args, queue: fresh, ...(routingKey === queue ? { routingKey: fresh } : undefined) };
  }
}

/** The same loss, told by something that it has cut short. */
export function inOutage(what: string, loss: AmqpError): AmqpError {
  const errorClass = loss.constructor as new (message: string, details: ErrorDetails) => AmqpError;
  const { code, replyCode, replyText, method, origin } = loss;
  return new errorClass(`${what}: ${loss.message}`, {
    ...{ code, replyCode, replyText, method, origin },
    recoverable: true,
    outcome: 'unknown',
    cause: loss,
  });
}

/** The connection was lost under a call that cannot be repeated. */
export function cutOff(method: string, loss: AmqpError): AmqpError {
  return inOutage(`${method} got no reply, and may or may not have been carried out`, loss);
}

/** The same end, told by a call that had nothing to do with it and has not been sent. */
export function notSent(what: string, death: AmqpError): AmqpError {
  const { message, code, replyCode, replyText, method, origin, recoverable } = death;
  const errorClass = death.constructor as new (message: string, details: ErrorDetails) => AmqpError;
  const details = { code, replyCode, replyText, method, origin, recoverable };
  return new errorClass(`${what}: ${message}`, {
    ...details,
    outcome: 'not-sent',
    cause: death,
  });
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
