import { clock } from '../../clock';
import { warnOf } from '../warnings';
import type { ChannelSession } from './channel-session';
import { IteratorConsumer } from './consumer';
import { CONSUMER, type Consumer, type Delivery } from './delivery';
import type { PublishMode } from './publish-mode';
import { unlessEnded } from './requeuing';

/** Milliseconds of the first pause; each is twice the one before. */
const FIRST_PAUSE_MS = 50;
/** Failures of a message after which the program is warned. */
const WARNED_OF = 5;
/** Messages whose failures are counted, the latest; and characters of a body by which they are told apart. */
const MOST_COUNTED = 1000;
const COMPARED = 256;

/** A message that somebody could not deal with. */
export interface FailedMessage extends Delivery {
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: { readonly messageId?: string | undefined };
}

/**
 * The pauses before messages go back that fail again and again: without them the broker brings each at once, for ever, or
 * until the delivery limit of its queue is used up within milliseconds. The message waits unsettled, and nobody waits for
 * it: a timer of the dispatcher gives it back.
 */
export class RequeuePauses {
  readonly #failures = new Map<string, number>();
  /** What waits, and its timers. */
  readonly #waiting = new Map<Delivery, { timer: number; giveBack: () => void }>();

  constructor(
    readonly session: ChannelSession,
    readonly mode: PublishMode,
  ) {}

  /** A message has failed: `giveBack` it, at once if it is the first time. */
  failed(message: FailedMessage, giveBack: () => void): void {
    const { dispatcher } = this.session.host;
    const pause = this.#pauseBefore(message);
    if (pause === 0) return giveBack();
    const due = () => {
      this.#waiting.delete(message);
      unlessEnded(this.session, giveBack);
    };
    this.#waiting.set(message, { timer: dispatcher.addTimer(clock.now() + pause, due, true), giveBack });
  }

  /** The consumer has ended, and perhaps nobody serves events any more: what waits goes back now. */
  end(consumer: Consumer | undefined): void {
    for (const [message, { timer, giveBack }] of this.#waiting) {
      if (message[CONSUMER] !== consumer) continue;
      this.#waiting.delete(message);
      this.session.host.dispatcher.cancelTimer(timer);
      unlessEnded(this.session, giveBack);
    }
  }

  #pauseBefore(message: FailedMessage): number {
    const { requeuePause, warnings, dispatcher } = this.session.host;
    const { [CONSUMER]: consumer } = message;
    // whoever gets one by one, or loops in a callback, waits where no timer runs; and a commit waits for nobody
    const isLooped = consumer instanceof IteratorConsumer;
    if (consumer === undefined || (isLooped && dispatcher.busy) || this.mode.current === 'tx') return 0;
    const count = this.#count(message);
    if (count === WARNED_OF && warnings) warnOf('AMQP_SYNC_FAILS_AGAIN');
    return count === 1 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (count - 2), requeuePause);
  }

  /** How often the message has failed here. The broker gives messages no names: two that look alike are one. */
  #count({ redelivered, exchange, routingKey, properties, body }: FailedMessage): number {
    const { messageId = '' } = properties;
    const key = [exchange, routingKey, messageId, body.length, body.toString('latin1', 0, COMPARED)].join(
      '\0',
    );
    const count = redelivered ? (this.#failures.get(key) ?? 0) + 1 : 1;
    this.#failures.delete(key);
    this.#failures.set(key, count);
    if (this.#failures.size > MOST_COUNTED)
      this.#failures.delete(this.#failures.keys().next().value as string);
    return count;
  }
}
