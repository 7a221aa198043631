import { clock } from '../src/clock';
import { AuthenticationError, ConnectError, NotAllowedError } from '../src/index';
import { type BrokerFlags, brokerFlags, withConnection } from './parts/broker-connection';
import { print } from './parts/output';
import { duration } from './parts/values';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  wait?: number;
}

/** Milliseconds between two tries. */
const PAUSE = 250;

const asleep = new Int32Array(new SharedArrayBuffer(4));

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync ping --wait 30s && ./start.sh
`,

  define(command) {
    command.option('--wait <time>', 'if it does not answer, try again for so long', duration, 0);
    return brokerFlags(command);
  },

  run(options) {
    const flags = options as Flags & { wait: number };
    const end = clock.now() + flags.wait;
    for (;;) {
      const began = clock.now();
      try {
        const ms = withConnection(flags, () => clock.now() - began);
        print(`open after ${ms.toFixed(0)} ms\n`);
        return 0;
      } catch (error) {
        // a broker that answers, and refuses, will do so the next time, too
        const isFinal = error instanceof AuthenticationError || error instanceof NotAllowedError;
        const isDown = error instanceof ConnectError && !isFinal;
        if (!isDown || clock.now() + PAUSE > end) throw error;
        Atomics.wait(asleep, 0, 0, PAUSE);
      }
    }
  },
};
