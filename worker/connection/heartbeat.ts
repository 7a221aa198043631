/** Milliseconds between two checks at most: so late may a dead peer be noticed. */
const LONGEST_TICK_MS = 1000;

export interface HeartbeatEvents {
  /** Counters of bytes received and sent. */
  received(): number;
  sent(): number;
  /** Whether reading is paused by us: then silence means nothing. */
  isPaused(): boolean;
  send(): void;
  timedOut(): void;
}

/**
 * Heartbeats both ways: one is sent when nothing else was for half an interval; a peer from which nothing
 * came for two intervals is dead. Time is counted in ticks of the timer, not by the clock: a process that
 * was suspended has missed nothing. @see AMQP 0-9-1 §4.2.7
 */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  #lastReceived = 0;
  #lastSent = 0;
  #silentTicks = 0;
  #idleTicks = 0;

  /** `interval` in seconds, as negotiated; not 0. */
  constructor(interval: number, events: HeartbeatEvents) {
    const tick = Math.min(LONGEST_TICK_MS, (interval * 1000) / 4);
    const ticksPerInterval = (interval * 1000) / tick;
    this.#timer = setInterval(() => {
      this.#checkPeer(events, 2 * ticksPerInterval);
      this.#sendIfIdle(events, Math.max(1, Math.floor(ticksPerInterval / 2)));
    }, tick);
  }

  #checkPeer(events: HeartbeatEvents, limit: number): void {
    const received = events.received();
    const silent = received === this.#lastReceived && !events.isPaused();
    this.#lastReceived = received;
    this.#silentTicks = silent ? this.#silentTicks + 1 : 0;
    if (this.#silentTicks >= limit) events.timedOut();
  }

  #sendIfIdle(events: HeartbeatEvents, limit: number): void {
    const sent = events.sent();
    this.#idleTicks = sent === this.#lastSent ? this.#idleTicks + 1 : 0;
    this.#lastSent = sent;
    if (this.#idleTicks < limit) return;
    this.#idleTicks = 0;
    events.send();
    this.#lastSent = events.sent();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
