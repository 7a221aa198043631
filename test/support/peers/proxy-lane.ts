import type { Socket } from 'node:net';

export type Direction = 'client->broker' | 'broker->client';

/** What to do with the bytes of a lane. `after`: so many more bytes are forwarded, to the byte, and then it happens. */
export type Order =
  | { order: 'cut'; after: number; reset: boolean }
  | { order: 'stall'; after: number; mode: StallMode }
  | { order: 'corrupt'; after: number; to: number | undefined }
  | { order: 'throttle'; bytesPerSecond: number; piece: number }
  | { order: 'delay'; ms: number }
  | { order: 'resume' }
  | { order: 'heal' };

/** `hold` stops reading, and the sender's TCP window fills; `drop` reads and throws away. */
export type StallMode = 'hold' | 'drop';

type Fault = Extract<Order, { order: 'cut' | 'stall' }>;

/** What came from the sender, and when it may leave. Its end and its reset queue up behind its bytes. */
type Parcel = { due: number; what: Buffer | 'end' | 'reset' };

/** Bytes in here before the sender has to wait; a delay makes it the most that is under way at a time. */
const CAPACITY = 256 * 1024;

/**
 * Milliseconds between the last byte and a reset. libuv takes a reset that it finds together with bytes for
 * an ordinary end (uv__read, then uv__stream_eof on POLLHUP): the receiver gets time to read them first.
 */
const BEFORE_RESET = 25;

/**
 * One direction of one connection.
 *
 *     from ──► received ──► queue ──► faults, pace ──► forwarded ──► to
 *
 * All offsets are counted where bytes leave, so that they hold whatever the queue has in it.
 */
export class Lane {
  received = 0;
  forwarded = 0;
  readonly record: Buffer[] | undefined;

  readonly #from: Socket;
  readonly #to: Socket;
  readonly #cut: (reset: boolean, flush: boolean) => void;
  readonly #changed: () => void;
  #running = true;
  #queue: Parcel[] = [];
  #queued = 0;
  #faults: { at: number; fault: Fault }[] = [];
  #corrupt = new Map<number, number | undefined>();
  #stalled: StallMode | undefined;
  #delay = 0;
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  #piece = Number.POSITIVE_INFINITY;
  #readyAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;

  /** `cut` ends the whole connection, `changed` is called when there is something new to see. */
  constructor(
    from: Socket,
    to: Socket,
    recorded: boolean,
    cut: (reset: boolean, flush: boolean) => void,
    changed: () => void,
  ) {
    this.#from = from;
    this.#to = to;
    this.#cut = cut;
    this.#changed = changed;
    if (recorded) this.record = [];
    from.setNoDelay(true);
    from.on('data', (bytes: Buffer) => this.#accept(bytes));
    from.on('end', () => this.#accept('end'));
    from.on('error', () => this.#accept('reset'));
    to.on('drain', () => this.#pump());
  }

  /** Forward nothing any more, but go on reading: to close a socket with unread bytes would reset it. */
  stop(): void {
    this.#running = false;
    this.#discard();
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#from.resume();
  }

  take(order: Order): void {
    switch (order.order) {
      case 'cut':
      case 'stall':
        this.#faults.push({ at: this.forwarded + order.after, fault: order });
        break;
      case 'corrupt':
        this.#corrupt.set(this.forwarded + order.after, order.to);
        break;
      case 'throttle':
        this.#bytesPerSecond = order.bytesPerSecond;
        this.#piece = order.piece;
        this.#readyAt = 0;
        break;
      case 'delay':
        this.#delay = order.ms;
        break;
      case 'heal':
        this.#faults = [];
        this.#corrupt.clear();
        this.#bytesPerSecond = this.#piece = Number.POSITIVE_INFINITY;
        this.#delay = this.#readyAt = 0;
        for (const parcel of this.#queue) parcel.due = 0;
        this.#stalled = undefined;
        break;
      case 'resume':
        this.#faults = this.#faults.filter(({ fault }) => fault.order !== 'stall');
        this.#stalled = undefined;
    }
    this.#pump();
  }

  #accept(what: Parcel['what']): void {
    if (!this.#running) return;
    const size = typeof what === 'string' ? 0 : what.length;
    this.received += size;
    if (this.#stalled !== 'drop') {
      this.#queue.push({ due: this.#delay > 0 ? performance.now() + this.#delay : 0, what });
      this.#queued += size;
    }
    this.#changed();
    this.#pump();
  }

  #pump(): void {
    while (this.#running && this.#step());
    if (!this.#running) return;
    if (this.#stalled === 'hold' || this.#queued >= CAPACITY) this.#from.pause();
    else this.#from.resume();
  }

  /** @returns whether there may be more to do at once */
  #step(): boolean {
    this.#fire();
    if (this.#to.destroyed) this.#discard();
    const parcel = this.#queue[0];
    if (!this.#running || this.#stalled || parcel === undefined || this.#to.writableNeedDrain) return false;
    const now = performance.now();
    const early = Math.max(parcel.due, this.#readyAt) - now;
    if (early > 0) return this.#again(early);
    if (typeof parcel.what === 'string') {
      this.#queue.shift();
      if (parcel.what === 'end') this.#to.end();
      else this.#cut(true, true);
      return false;
    }
    const bytes = parcel.what.subarray(0, this.#most());
    if (bytes.length === parcel.what.length) this.#queue.shift();
    else parcel.what = parcel.what.subarray(bytes.length);
    this.#queued -= bytes.length;
    this.#forward(bytes);
    this.#readyAt = Math.max(this.#readyAt, now) + (bytes.length / this.#bytesPerSecond) * 1000;
    return this.#piece === Number.POSITIVE_INFINITY || this.#again(0);
  }

  /** A piece goes alone: those of one turn would meet again in the receiver's buffer. */
  #again(ms: number): false {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    if (ms > 0) this.#timer = setTimeout(() => this.#pump(), ms);
    else this.#turn = setImmediate(() => this.#pump());
    return false;
  }

  /** How many bytes may leave together: none beyond the next fault. */
  #most(): number {
    const slice = Math.max(1, Math.floor(this.#bytesPerSecond / 50));
    return Math.min(this.#piece, slice, ...this.#faults.map(({ at }) => at - this.forwarded));
  }

  #forward(bytes: Buffer): void {
    for (const [at, to] of this.#corrupt) {
      const index = at - this.forwarded;
      if (index >= bytes.length) continue;
      bytes[index] = to ?? bytes[index]! ^ 0xff;
      this.#corrupt.delete(at);
    }
    this.forwarded += bytes.length;
    this.record?.push(bytes);
    this.#to.write(bytes);
    this.#changed();
  }

  #fire(): void {
    const due = this.#faults.filter(({ at }) => at <= this.forwarded);
    this.#faults = this.#faults.filter((fault) => !due.includes(fault));
    for (const { fault } of due) {
      if (!this.#running) return;
      if (fault.order === 'cut') this.#cut(fault.reset, fault.after > 0);
      else this.#stalled = fault.mode;
      if (this.#stalled === 'drop') this.#discard();
    }
  }

  #discard(): void {
    this.#queue = [];
    this.#queued = 0;
  }
}

/** A client, its own connection to the broker, and the two lanes between them. */
export class ProxiedConnection {
  readonly lanes: Record<Direction, Lane>;
  readonly #client: Socket;
  readonly #broker: Socket;
  #open = true;

  constructor(client: Socket, broker: Socket, recorded: boolean, changed: () => void) {
    this.#client = client;
    this.#broker = broker;
    const cut = (reset: boolean, flush: boolean) => this.#cut(reset, flush);
    this.lanes = {
      'client->broker': new Lane(client, broker, recorded, cut, changed),
      'broker->client': new Lane(broker, client, recorded, cut, changed),
    };
    client.once('close', () => {
      this.#open = false;
      changed();
    });
  }

  /** Whether the client's socket is open, as far as it can be known: a lane that holds does not look. */
  get open(): boolean {
    return this.#open;
  }

  destroy(): void {
    for (const lane of Object.values(this.lanes)) lane.stop();
    this.#client.destroy();
    this.#broker.destroy();
  }

  /** `flush`: what has been forwarded arrives before, however long that takes. */
  #cut(reset: boolean, flush: boolean): void {
    for (const lane of Object.values(this.lanes)) lane.stop();
    for (const socket of [this.#client, this.#broker]) {
      const resetSoon = () => void setTimeout(() => socket.resetAndDestroy(), BEFORE_RESET);
      if (!reset) socket.end();
      else if (flush && socket.writable) socket.write('', resetSoon);
      else resetSoon();
    }
  }
}
