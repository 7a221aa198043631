import { isMainThread } from 'node:worker_threads';

/** What a program is warned of, once in its life. The codes are those of Node's --disable-warning. */
const WARNINGS = {
  AMQP_SYNC_GLOBAL_PREFETCH:
    'basicQos({ global: true }): RabbitMQ since 4.3 limits each consumer, not all of the channel together, unless its operator permits global_qos; leave global out, and count yourself what a channel may have',
  AMQP_SYNC_NEVER_SERVED:
    'a consumer was started, and the program ended without serving it, so its callback never ran: callbacks run in drainEvents, loop and sleep only (pika: start_consuming, amqpy: drain_events); call connection.loop() behind the last subscribe',
  AMQP_SYNC_FAILS_AGAIN:
    'a message has failed five times, and is requeued again: have it tried a limited number of times, and parked, by onError: retry({ max }), or dead-lettered by rejectOnRedelivered or the deliveryLimit of a quorum queue; requeuePause says how long it waits',
  AMQP_SYNC_NOTHING_SETTLED:
    'a consumer waits for more, but nothing can come: as many of its messages are unsettled as its prefetch allows; settle each with message.ack(), or message.process(fn), before the next, or read with noAck',
  AMQP_SYNC_STREAM_HEADERS:
    'a message to a stream has a header that is a table or a list, which RabbitMQ leaves out without a word (RabbitMQ 4 keeps those whose names begin with x-): write it as text, or put it into the body',
  AMQP_SYNC_SIGNAL_UNHEARD:
    'a wait without a limit keeps the listener for SIGTERM or SIGHUP from running, so the signal will not end the program: wait in slices, loop({ timeout: 1000 }) and then await setImmediate, or have SIGINT sent instead; see docs/signals-and-exit.md',
} as const;
type WarningCode = keyof typeof WARNINGS;

/** Milliseconds after which a wait is one that may not end by itself. */
export const LONG_WAIT_MS = 1000;

const said = new Set<WarningCode>();

/**
 * A process warning, as `process.emitWarning` gives it, but told at once: that waits for the next turn of the event
 * loop, which a program that blocks, or is about to exit, does not have. Node's --no-warnings and
 * --disable-warning, and listeners of 'warning', work as with any other.
 */
function warn(code: string, message: string, detail?: string): void {
  const warning = Object.assign(new Error(message), { name: 'AmqpSyncWarning', code, detail });
  process.emit('warning', warning);
}

export function isWarnedOf(code: WarningCode): boolean {
  return said.has(code);
}

export function warnOf(code: WarningCode): void {
  if (said.has(code)) return;
  said.add(code);
  warn(code, WARNINGS[code]);
}

/**
 * Warning of consumers that nobody has served, as their connection ends. It waits for 'exit': if the program fails, the
 * failure is the news.
 */
export function warnOfUnserved(
  channels: ReadonlyMap<number, { readonly consumerTags: readonly string[] }>,
  isExiting: boolean,
): void {
  if (![...channels.values()].some(({ consumerTags }) => consumerTags.length > 0)) return;
  if (isExiting) return unlessFailed(process.exitCode);
  // one listener for all connections: Node takes more than ten for a leak
  process.off('exit', unlessFailed).once('exit', unlessFailed);
}

function unlessFailed(code: unknown): void {
  if (!code) warnOf('AMQP_SYNC_NEVER_SERVED');
}

/** Warning of an error that nobody else hears of; each time. */
export function warnOfError(what: string, error: unknown): void {
  warn(
    'AMQP_SYNC_UNHEARD_ERROR',
    error instanceof Error ? `${what}:` : `${what}: ${String(error)}`,
    error instanceof Error ? error.stack : undefined,
  );
}

/** A signal is listened to that a blocked thread does not hear. Ctrl-C is another matter: see `interruption`. */
export function listensToSignals(): boolean {
  if (!isMainThread || said.has('AMQP_SYNC_SIGNAL_UNHEARD')) return false;
  return process.listenerCount('SIGTERM') > 0 || process.listenerCount('SIGHUP') > 0;
}
