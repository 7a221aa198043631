import { quotes } from '../../protocol/culprit';

const SIZE = 64;

/**
 * The latest fire-and-forget methods of a channel, so that an error that arrives during a later, innocent
 * call can name the guilty one.
 */
export class MethodHistory {
  readonly #methods: string[] = new Array(SIZE).fill('');
  readonly #subjects: (string | number)[] = new Array(SIZE).fill('');
  readonly #routingKeys: string[] = new Array(SIZE).fill('');
  #next = 0;

  /** `subject` is what the broker's text would quote: the exchange of a publish, the tag of an ack. */
  remember(method: string, subject: string | number, routingKey = ''): void {
    const slot = this.#next++ % SIZE;
    this.#methods[slot] = method;
    this.#subjects[slot] = subject;
    this.#routingKeys[slot] = routingKey;
  }

  /** Has such a method been sent lately? */
  knows(method: string): boolean {
    return this.#methods.includes(method);
  }

  /** The most recent call of `method` that the broker's text is about, in words. */
  find(method: string, replyText: string): string {
    let best: number | undefined;
    for (let age = 1; age <= Math.min(SIZE, this.#next); age++) {
      const slot = (this.#next - age) % SIZE;
      if (this.#methods[slot] !== method) continue;
      best ??= slot;
      if (isAbout(replyText, this.#subjects[slot]!)) return this.#describe(slot);
    }
    return best === undefined ? method : this.#describe(best);
  }

  #describe(slot: number): string {
    const subject = this.#subjects[slot]!;
    const named = typeof subject === 'number' ? `delivery tag ${subject}` : JSON.stringify(subject);
    const key =
      this.#routingKeys[slot] === '' ? '' : `, routing key ${JSON.stringify(this.#routingKeys[slot])}`;
    return `${this.#methods[slot]} (${named}${key})`;
  }
}

function isAbout(text: string, subject: string | number): boolean {
  return typeof subject === 'number' ? text.endsWith(` ${subject}`) : quotes(text, subject);
}
