import type { CloseReason } from '../../contract/session-options';
import { checkInteger, checkOptions, checkShortstr, checkTimeout } from './checks';

/** How to close a channel or a connection: what the broker is told, and how long to wait for it. */
export interface CloseOptions {
  /** AMQP's number of the reason; default 200. */
  replyCode?: number | undefined;
  /** The reason in words, for the broker's log; 255 bytes at most. Default `Normal shutdown`. */
  replyText?: string | undefined;
  /** Milliseconds for the broker's answer, default 5000; it is closed in any case. */
  timeout?: number | undefined;
}

const CLOSE_TIMEOUT = 5000;
const CLOSE_OPTIONS = new Set(['replyCode', 'replyText', 'timeout']);

/** The options of `close`, checked and filled in. @throws {TypeError | RangeError} */
export function closeOptions(options: CloseOptions): CloseReason {
  checkOptions('close', options, CLOSE_OPTIONS);
  const { replyCode = 200, replyText = 'Normal shutdown', timeout = CLOSE_TIMEOUT } = options;
  checkInteger(replyCode, 'replyCode', 0, 0xffff);
  checkShortstr(replyText, 'replyText');
  return { replyCode, replyText, classId: 0, methodId: 0, timeout: checkTimeout(timeout) };
}
