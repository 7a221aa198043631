import { outOfRange, wrongType } from '../../caller';
import type { Command } from '../../contract/session-options';
import { AuthenticationError } from '../../errors';
import { chooseMechanism } from '../../protocol/sasl';
import { isBytes, typeName } from '../../protocol/wire';
import type { CustomMechanism } from '../options/connect-options';

/** Bytes of a response: no broker takes as many, and they have to fit in a frame with the client properties. */
const MOST_BYTES = 60 * 1024;

/**
 * Answers for a SASL mechanism of the user's own. Its functions cannot go into the worker, but the frames
 * that ask come to this thread, which waits in `connect`: it reads them and posts the responses. Both
 * threads count the questions, so that an answer for a broker that is gone is told from one that is awaited.
 */
export class SaslResponder {
  #questions = 0;
  #chosen = false;

  constructor(
    readonly mechanism: CustomMechanism,
    /** All names in order of preference, as the worker has them. */
    readonly wanted: readonly string[],
    readonly post: (command: Command) => void,
  ) {}

  /** connection.start has come. @throws {AuthenticationError} */
  started(offered: string): void {
    this.#chosen = chooseMechanism(this.wanted, offered) === this.mechanism.name;
    if (this.#chosen) this.#respond('initialResponse', () => this.mechanism.initialResponse());
  }

  /** connection.secure has come. @throws {AuthenticationError} */
  challenged(question: Uint8Array): void {
    if (!this.#chosen) return;
    this.#respond('challenge', () => {
      if (this.mechanism.challenge === undefined)
        throw wrongType('the broker asks, but there is no challenge()');
      return this.mechanism.challenge(Buffer.from(question));
    });
  }

  #respond(name: string, respond: () => unknown): void {
    this.#questions++;
    let response: unknown;
    try {
      response = respond();
      if (typeof response === 'string') response = Buffer.from(response);
      if (!isBytes(response)) {
        Promise.resolve(response).catch(() => {}); // nobody waits for it, and what it says is said here
        throw wrongType(`it returned ${typeName(response)}, not a string or bytes`);
      }
      if (response.byteLength > MOST_BYTES)
        throw outOfRange(`it returned ${response.byteLength} bytes, more than ${MOST_BYTES}`);
    } catch (cause) {
      const message = (cause as Error | undefined)?.message ?? String(cause);
      throw new AuthenticationError(`authMechanism ${this.mechanism.name}: ${name} failed: ${message}`, {
        outcome: 'not-sent',
        cause,
      });
    }
    this.post({ command: 'respond', response: response as Uint8Array, question: this.#questions });
  }
}
