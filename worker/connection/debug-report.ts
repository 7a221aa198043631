import type { WorkerLink } from '../../src/bridge/worker-link';
import { clock } from '../../src/clock';
import type { SessionDescription, WaitReport } from '../../src/contract/session-options';
import { methodName } from '../../src/protocol/codec';
import { FRAME } from '../../src/protocol/constants';
import { isProtocolHeader, type PassingFrame } from './frame-tap';
import type { Direction, FrameWatch } from './frame-watch';
import { printError } from './stderr';

/** Main says every 200 ms that it waits: after so many milliseconds of silence it does not. */
const SILENCE_MS = 1000;

/** The connection, as far as it is told of. */
interface Debugged {
  readonly link: WorkerLink;
  /** What it is doing, for a person. */
  readonly doing: string;
  /** Bytes that found no room in the inbound ring. */
  readonly heldSize: number;
  describe(): SessionDescription | undefined;
}

/**
 * The answer to "where does it hang?", on stderr: main sleeps, and this thread is awake. A wait is told of once it has
 * lasted as long as AMQP_SYNC_DEBUG says, and again whenever that has doubled; and at SIGUSR2, where a thread hears it.
 */
export class DebugReport {
  #report: WaitReport | undefined;
  #reportedAt = 0;
  /** Milliseconds from which on the wait is told of. */
  #next: number;
  readonly #tell = () => this.#print();

  constructor(
    readonly connector: Debugged,
    readonly watch: FrameWatch,
    readonly label: string,
    readonly after: number,
  ) {
    this.#next = after;
    process.on('SIGUSR2', this.#tell);
  }

  /** Main waits, still or again. */
  waits(report: WaitReport): void {
    if (report.wait !== this.#report?.wait) this.#next = this.after;
    this.#report = report;
    this.#reportedAt = clock.now();
    if (report.waited < this.#next) return;
    while (report.waited >= this.#next) this.#next = 2 * Math.max(this.#next, 1);
    this.#print();
  }

  stop(): void {
    process.removeListener('SIGUSR2', this.#tell);
  }

  #print(): void {
    const rows = [...this.#main(), ...this.#worker()];
    const width = Math.max(...rows.map(([name]) => name.length));
    const lines = [
      `amqp-sync ${process.pid} ${this.label} ${this.#headline}`,
      ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ];
    // names and reasons are others': what a terminal would take for orders is left out
    printError(lines.map((line) => `${line.replace(/\p{Cc}/gu, '?')}\n`).join(''));
  }

  get #headline(): string {
    const report = this.#report;
    const age = clock.now() - this.#reportedAt;
    if (report === undefined) return 'has not waited yet for as long as can be told of';
    if (age > SILENCE_MS) return `waits for nothing now; ${seconds(age)} ago it did, for ${report.what}`;
    const where = report.channel === undefined ? '' : ` on channel ${report.channel}`;
    const left = Number.isFinite(report.left)
      ? `${seconds(report.left - age)} are left`
      : 'without a deadline';
    return `has waited ${seconds(report.waited + age)} for ${report.what}${where}; ${left}`;
  }

  *#main(): Generator<[string, string]> {
    if (this.#report === undefined) return;
    const { state, blockedReason, events, channels } = this.#report;
    const blocked = blockedReason === undefined ? '' : `; the broker blocks publishing: ${blockedReason}`;
    yield ['connection', `${this.#stateOf(state)}${blocked}`];
    for (const { id, unsettled, unconfirmed } of channels)
      yield [`channel ${id}`, `${unsettled} unsettled, ${unconfirmed} unconfirmed`];
    if (events > 0) yield ['events', `${events} wait to be dispatched`];
  }

  /** `state` is main's view: it takes a connection for open that is not yet. */
  #stateOf(state: string): string {
    const { doing } = this.connector;
    if (doing !== 'connected') return state === 'recovering' ? `recovering, ${doing}` : doing;
    const { host, address } = this.connector.describe() ?? {};
    return `${state}, ${host} (${address})`;
  }

  *#worker(): Generator<[string, string]> {
    const { link, heldSize } = this.connector;
    const { outbound, inbound, inFlight } = link;
    yield [
      'to send',
      `${outbound.available()} of ${outbound.capacity} bytes, ${inFlight} of them with the socket`,
    ];
    const unread = inbound.capacity - inbound.room();
    yield ['to read', `${unread} of ${inbound.capacity} bytes, and ${heldSize} that found no room`];
    for (const direction of ['sent', 'received'] as const) yield [`last ${direction}`, this.#last(direction)];
  }

  #last(direction: Direction): string {
    const last = this.watch.last[direction];
    if (last === undefined) return 'nothing';
    const { channel } = last.frame;
    const where = channel === 0 ? '' : ` on channel ${channel}`;
    return `${nameOf(last.frame)}${where}, ${seconds(clock.now() - last.at)} ago`;
  }
}

function nameOf(frame: PassingFrame): string {
  const { type, size, payload } = frame;
  if (type === FRAME.METHOD) return methodOf(payload) ?? 'an unknown method';
  if (type === FRAME.HEADER) return 'a content header';
  if (type === FRAME.BODY) return `${size} bytes of a body`;
  if (type === FRAME.HEARTBEAT) return 'a heartbeat';
  return isProtocolHeader(frame) ? 'the protocol header' : 'what is no frame';
}

/** Nobody has checked it yet: it may be too short for an id. */
function methodOf(payload: Buffer): string | undefined {
  return payload.length < 4 ? undefined : methodName(payload.readUInt16BE(0), payload.readUInt16BE(2));
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}
