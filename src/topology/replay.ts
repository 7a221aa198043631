import { culprit } from '../protocol/culprit';
import type { Outgoing } from '../protocol/handshake';
import type { Args, Method } from '../protocol/method-types';
import type { Journal } from './journal';
import { ReplayChannel } from './replay-channel';
import {
  bindings,
  channelSteps,
  exchangesAndQueues,
  type ReplayFailure,
  type ReplayReport,
  type Step,
} from './replay-steps';

/** Pauses before a step is tried again, ever longer: the broker may still have to tidy up after the lost connection. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
/** Milliseconds for an entity that vanished just now; it will not do so again and again. */
const VANISHED_WAIT_MS = 1500;

export interface ReplayEvents {
  /** A method for the new connection. */
  send(number: number, method: Outgoing): void;
  /** Call `then` back after so many milliseconds. */
  later(ms: number, then: () => void): void;
  /** The channel begins anew: what its consumers have brought so far is not theirs any more. */
  restarted(number: number): void;
  /** The topology is there again, but for what has failed. */
  done(): void;
}

export interface ReplayInput {
  journal: Journal;
  /** The report that is added to. */
  report: ReplayReport;
  /** Whether exchanges, queues and bindings are declared, too, or only channels and consumers brought back. */
  declares: boolean;
}

/**
 * The replay, which is topology recovery without its I/O: the journal's topology, over a new connection; methods in,
 * methods out.
 *
 *   [exchanges and queues] --> [bindings] --> [channels: limits, mode, consumers] --> done
 *      on a channel of its own                   each on its own
 *
 * One refused entity is left out, and reported. But the broker may not have seen the end of the lost connection yet,
 * or see it just now: an exclusive queue is locked, an autoDelete one vanishes. Such steps are tried again for a while.
 */
export class Replay {
  readonly journal: Journal;
  readonly #channels = new Map<number, ReplayChannel>();
  /** Milliseconds that a step has been waited for. */
  readonly #waited = new Map<string, number>();
  /** Consumers that are not to be tried again. */
  readonly #abandoned = new Set<string>();
  #phase: 'queues' | 'bindings' | 'channels' | 'done' = 'queues';
  /** Pauses under way. */
  #waiting = 0;

  constructor(
    readonly input: ReplayInput,
    readonly channelMax: number,
    /** Milliseconds for the locks of the lost connection to go. */
    public lockTimeout: number,
    readonly events: ReplayEvents,
  ) {
    this.journal = input.journal;
  }

  start(): void {
    const open = new Set(this.journal.channels.open().map(([number]) => number));
    let free = 1;
    while (open.has(free)) free++;
    const steps = this.input.declares ? exchangesAndQueues(this.journal) : [];
    if (steps.length > 0 || this.#bindings.length > 0) this.#channel(free).run(steps);
    this.#advance();
  }

  get #bindings(): Step[] {
    return this.input.declares ? bindings(this.journal) : [];
  }

  #channel(number: number): ReplayChannel {
    const channel =
      this.#channels.get(number) ?? new ReplayChannel(number, (at, method) => this.events.send(at, method));
    this.#channels.set(number, channel);
    return channel;
  }

  /** Retrying is over: there is no time for what does not work at once. */
  stopRetrying(): void {
    this.lockTimeout = 0;
  }

  /** A method has come. @returns false if it is none of the replay's */
  received(number: number, method: Method): boolean {
    const channel = this.#channels.get(number);
    if (channel === undefined || this.#phase === 'done') return false;
    if (method.name === 'channel.close') {
      this.#refused(channel, method.args);
    } else if (method.name !== 'channel.close-ok') {
      const step = channel.settle(method);
      if (step === undefined) return false;
      if (method.name === 'queue.declare-ok') this.#declared(step, method.args.queue);
    } else this.#channels.delete(number);
    this.#advance();
    return true;
  }

  #declared({ name }: Step, queue: string): void {
    if (name === queue) return;
    this.journal.renamed(name, queue);
    this.input.report.renames.push([name, queue]);
  }

  /** The phase is over when everything has been answered. */
  #advance(): void {
    while (this.#phase !== 'done' && this.#isIdle) {
      const [topology] = this.#phase === 'channels' ? [] : [...this.#channels.values()];
      if (this.#phase === 'queues') {
        this.#phase = 'bindings';
        topology?.run(this.#bindings);
      } else if (topology !== undefined) {
        return topology.close(); // close-ok takes it away
      } else if (this.#phase === 'bindings') {
        this.#phase = 'channels';
        this.#openChannels();
      } else {
        this.#phase = 'done';
        this.events.done();
      }
    }
  }

  get #isIdle(): boolean {
    return this.#waiting === 0 && [...this.#channels.values()].every((channel) => channel.isDone);
  }

  #openChannels(): void {
    for (const [number] of this.journal.channels.open()) {
      if (number <= this.channelMax) this.#channel(number).run(this.#steps(number));
      else {
        const replyText = `the broker allows no more than ${this.channelMax} channels now`;
        this.#fail({ entity: 'channel', name: `${number}`, channel: number, replyCode: 504, replyText });
        this.journal.channels.close(number);
      }
    }
  }

  #steps(number: number): Step[] {
    return channelSteps(this.journal, number).filter((step) => !this.#abandoned.has(keyOf(number, step)));
  }

  #refused(channel: ReplayChannel, close: Args<'channel.close'>): void {
    const { number } = channel;
    const { guilty, rest } = channel.refused(close);
    const isChannel = this.#phase === 'channels';
    if (isChannel) this.events.restarted(number);
    if (guilty === undefined) return this.#endChannel(number, close);
    // RabbitMQ refuses an offset where there is no stream
    const isNoStream = guilty.entity === 'consumer' && close.replyCode === 406;
    if (isNoStream && this.journal.unfollow(number, guilty.name)) return channel.run(this.#steps(number));
    const pause = this.#pause(number, guilty, close);
    if (pause === undefined) {
      this.#giveUp(number, guilty, close);
      return channel.run(isChannel ? this.#steps(number) : rest);
    }
    this.#waiting++;
    this.events.later(pause, () => {
      this.#waiting--;
      // a channel begins from the start, and comes to what was refused by itself
      channel.run([...guilty.needs(), ...(isChannel ? this.#steps(number) : [guilty, ...rest])]);
    });
  }

  /** Milliseconds before the step is tried again; undefined: it is not. */
  #pause(number: number, step: Step, close: Args<'channel.close'>): number | undefined {
    const key = keyOf(number, step);
    const waited = this.#waited.get(key) ?? 0;
    if (
      !isTransient(step, close) ||
      waited >= (close.replyCode === 404 ? Math.min(VANISHED_WAIT_MS, this.lockTimeout) : this.lockTimeout)
    )
      return undefined;
    const pause = Math.min(waited + FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    this.#waited.set(key, waited + pause);
    return pause;
  }

  /** The broker does not want the channel, whatever is done with it. */
  #endChannel(number: number, { replyCode, replyText }: Args<'channel.close'>): void {
    this.#fail({ entity: 'channel', name: `${number}`, channel: number, replyCode, replyText });
    this.journal.channels.close(number);
  }

  /** The broker closes the connection for something. @returns whether it is known, and will be left out */
  refusedAll(close: Args<'connection.close'>): boolean {
    const sent = [...this.#channels.values()].flatMap(({ number, unanswered }) =>
      unanswered.map((step) => ({ number, step })),
    );
    const { quoted, alike } = culprit(sent, close, ({ step }) => step.method);
    const guilty = quoted ?? alike;
    if (guilty === undefined) return false;
    const { number, step } = guilty;
    this.#giveUp(number, step, close);
    if (step.entity === 'exchange') this.journal.entities.deleteExchange(step.name);
    if (step.entity === 'queue') this.journal.entities.deleteQueue(step.name);
    return true;
  }

  #giveUp(
    number: number,
    step: Step,
    { replyCode, replyText }: Pick<ReplayFailure, 'replyCode' | 'replyText'>,
  ): void {
    const { entity, name } = step;
    const isOfChannel = entity === 'consumer' || entity === 'channel';
    this.#fail({ entity, name, channel: isOfChannel ? number : undefined, replyCode, replyText });
    this.#abandoned.add(keyOf(number, step));
    if (entity === 'consumer') this.journal.forget(number, name);
  }

  #fail(failure: ReplayFailure): void {
    const { failures } = this.input.report;
    // a replay that was cut off may have said so before
    if (!failures.some((other) => JSON.stringify(other) === JSON.stringify(failure))) failures.push(failure);
  }
}

function keyOf(number: number, { entity, name, method }: Step): string {
  return `${number}/${entity}/${name}/${method.name}`;
}

/** Whether a refusal is due to the lost connection, and passes: to its locks, and what goes with it. */
function isTransient({ method, needs }: Step, { replyCode, replyText }: Args<'channel.close'>): boolean {
  if (replyCode === 405) return true;
  if (replyCode === 403) return method.name === 'basic.consume' && / exclusive /.test(replyText);
  return replyCode === 404 && needs().length > 0;
}
