import { FRAME } from '../../src/protocol/constants';
import type { FrameLimits } from '../../src/protocol/frame';
import type { Outgoing } from '../../src/protocol/handshake';
import { isRecorded } from '../../src/topology/journal';
import { Replay, type ReplayInput } from '../../src/topology/replay';
import { type Frame, FrameCutter, frameOf, methodId, methodOf } from './frames';

/** Milliseconds for the locks of a lost connection to go, when no heartbeat tells how soon the broker notices its end. */
const USUAL_LOCK_MS = 5000;
export const LONGEST_LOCK_MS = 30_000;

export interface TopologyRecoveryEvents {
  write(frame: Buffer): void;
  /** A frame of channel 0. @throws {ProtocolViolation} */
  control(frame: Buffer): void;
  /** The topology is there again. The first bytes that are main's come with it, in order. */
  recovered(bytes: Buffer[]): void;
}

/**
 * Topology recovery, in the first minutes of a session that takes the place of a lost one: what comes is not for main
 * yet, but answers to the replay of the journal. What is not is kept until main hears of the recovery.
 */
export class TopologyRecovery {
  readonly replay: Replay;
  readonly #cutter: FrameCutter;
  /** Frames for main. */
  #kept: Frame[] = [];
  #keptSize = 0;
  /** Channels that begin anew, until the broker has opened them: what comes meanwhile is of their first try. */
  readonly #restarted = new Set<number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #isDone = false;

  constructor(
    input: ReplayInput,
    heartbeat: number,
    limits: FrameLimits,
    /** Bytes for main from which on there is no waiting for anything. */
    readonly maxKept: number,
    readonly events: TopologyRecoveryEvents,
  ) {
    const { frameMax, channelMax } = limits;
    this.#cutter = new FrameCutter(limits);
    const lockTimeout = heartbeat === 0 ? USUAL_LOCK_MS : Math.min(2000 * heartbeat + 1000, LONGEST_LOCK_MS);
    this.replay = new Replay(input, channelMax, lockTimeout, {
      send: (channel: number, method: Outgoing) => events.write(frameOf(channel, method, frameMax)),
      later: (ms, then) => this.#later(ms, then),
      restarted: (channel) => {
        this.#restarted.add(channel);
        this.#kept = this.#kept.filter((frame) => frame.channel !== channel);
      },
      done: () => {
        this.#isDone = true;
      },
    });
  }

  start(): void {
    this.replay.start();
    this.#check();
  }

  /** Bytes have come; they may be overwritten after the call. @throws {ProtocolViolation} */
  received(bytes: Buffer): void {
    this.#cutter.push(bytes);
    while (!this.#isDone) {
      const frame = this.#cutter.next();
      if (frame === undefined) break;
      this.#take(frame);
    }
    this.#check();
  }

  #take(frame: Frame): void {
    if (frame.channel === 0) return this.events.control(frame.bytes);
    const isNews = frame.type === FRAME.METHOD && isRecorded(methodId(frame));
    const method = isNews ? methodOf(frame) : undefined;
    if (this.#restarted.has(frame.channel)) {
      if (method?.name !== 'channel.open-ok' && method?.name !== 'channel.close') return;
      this.#restarted.delete(frame.channel);
    }
    if (method !== undefined && this.replay.received(frame.channel, method)) return;
    this.#kept.push(frame);
    this.#keptSize += frame.bytes.length;
    // consumers without acknowledgements bring as much as the network does
    if (this.#keptSize > this.maxKept) this.replay.stopRetrying();
  }

  #check(): void {
    if (this.#isDone)
      this.events.recovered([...this.#kept.map(({ bytes }) => bytes), this.#cutter.takeRest()]);
  }

  #later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
