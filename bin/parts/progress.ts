import type { SingleBar } from 'cli-progress';
import { clock } from '../../src/clock';
import { isTerminal } from './output';

/** Milliseconds before a bar is shown, and between two looks at the clock. */
const SHOW_AFTER = 1000;

/**
 * The progress of long work, with its rate and, if the end is known, what is left. Only on a terminal, and only if it
 * lasts: the library is not loaded before.
 */
export class Progress {
  readonly #began = clock.now();
  readonly #isShown = isTerminal.err();
  #bar: SingleBar | undefined;
  #messages = 0;
  /** Part of the total that is done. */
  #done = 0;

  /** `total`: in that unit; undefined if nobody knows. */
  constructor(
    readonly total: number | undefined,
    readonly unit: 'messages' | 'bytes',
  ) {}

  /** Count so many more. */
  add(messages: number, bytes: number): void {
    this.#messages += messages;
    this.#done += this.unit === 'bytes' ? bytes : messages;
    if (!this.#isShown) return;
    const seconds = (clock.now() - this.#began) / 1000;
    if (seconds * 1000 < SHOW_AFTER) return;
    this.#bar ??= this.#start();
    this.#bar.update(Math.min(this.#done, this.total ?? this.#done), {
      messages: this.#messages,
      rate: Math.round(this.#messages / seconds),
    });
  }

  #start(): SingleBar {
    const { Presets, SingleBar } = require('cli-progress') as typeof import('cli-progress');
    const known = '{bar} {percentage}% | {messages} messages | {rate}/s | {eta_formatted} left';
    const unknown = '{messages} messages | {rate}/s | {duration_formatted}';
    const format = this.total === undefined ? unknown : known;
    const bar = new SingleBar({ format, clearOnComplete: true, hideCursor: false }, Presets.shades_classic);
    bar.start(this.total ?? 0, 0, { messages: 0, rate: 0 });
    return bar;
  }

  /** Take it away again. */
  stop(): void {
    this.#bar?.stop();
  }
}
