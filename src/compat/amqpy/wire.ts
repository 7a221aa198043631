import type { Channel } from '../../api/channel';
import type { Connection } from '../../api/connection';
import { PARTS, SESSION } from '../../api/internals';
import type { ReturnedMessage } from '../../api/message';
import { checkInteger } from '../../client/options/checks';
import { closeOptions } from '../../client/options/close-options';
import type { QueueUnbindOptions } from '../../client/options/verb-options';
import type { CloseReason } from '../../contract/session-options';
import type { method_t } from './spec';

/** What `close` was given: why, and the method that is to blame for it. @throws {TypeError | RangeError} */
export function closeReason(given: {
  reply_code: number;
  reply_text: string;
  method_type?: method_t | undefined;
}): CloseReason {
  const reason = closeOptions({ replyCode: given.reply_code, replyText: given.reply_text });
  const { class_id = 0, method_id = 0 } = given.method_type ?? {};
  const classId = checkInteger(class_id, 'class_id', 0, 0xffff);
  return { ...reason, classId, methodId: checkInteger(method_id, 'method_id', 0, 0xffff) };
}

/** `close`, naming the method that caused it. */
export function leaveConnection(connection: Connection, reason: CloseReason): void {
  connection[SESSION].close(reason);
}

/** `close`, naming the method that caused it. */
export function leaveChannel(channel: Channel, { timeout, ...reason }: CloseReason): void {
  channel[PARTS].session.close(reason, timeout);
}

/** Ask for a mode, or use it, whatever mode there is: it is the broker that refuses. */
export function insist(
  channel: Channel,
  method: 'confirm.select' | 'tx.select' | 'tx.commit' | 'tx.rollback',
): void {
  channel[PARTS].session.request(method, {}, {});
}

/** queue.unbind knows no nowait: the answer comes, and nobody waits for it. */
export function unbindLater(
  channel: Channel,
  queue: string,
  exchange: string,
  options: QueueUnbindOptions,
): void {
  const { session, queues } = channel[PARTS];
  session.ask('queue.unbind', { ...options, queue: queues.named(queue), exchange }, () => {});
}

/** The messages that came back and were not asked for yet. Does not block. */
export function takeReturns(channel: Channel): ReturnedMessage[] {
  const { publisher, host } = channel[PARTS];
  host.pollIfNews();
  return publisher.takeReturns() as ReturnedMessage[];
}
