import { writeSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Received } from './client-stream';
import { Conversation, type Listener } from './conversation';
import type { Script } from './script';

/** What the test's thread asks for. `broker` is a number that it chose. */
export type Command =
  | { do: 'listen'; broker: number; scripts: readonly Script[] }
  | { do: 'signal'; broker: number; name: string }
  | { do: 'close'; broker: number }
  | { do: 'watch'; test: string | undefined; limit: number };

/** What it is told. */
export type News = { broker: number } & (
  | { news: 'listening'; port: number }
  | { news: 'received'; entry: Received }
  | { news: 'owed'; connection: number; count: number }
  | { news: 'finished'; connection: number }
  | { news: 'failed'; difference: string }
  | { news: 'closed' }
);

export interface BrokerThreadData {
  port: MessagePort;
  /** Word 0 counts the news: the test's thread sleeps on it. */
  bell: SharedArrayBuffer;
}

const { port, bell } = workerData as BrokerThreadData;
const words = new Int32Array(bell);

function tell(news: News): void {
  port.postMessage(news);
  Atomics.add(words, 0, 1);
  Atomics.notify(words, 0);
}

/** One scripted broker: a port, and a conversation for each connection to it. */
class Broker {
  readonly #server: Server;
  readonly #conversations: Conversation[] = [];
  readonly #signals = new Map<string, { given: Promise<void>; give: () => void }>();

  constructor(
    readonly id: number,
    readonly scripts: readonly Script[],
  ) {
    this.#server = createServer((socket) => {
      const number = this.#conversations.length + 1;
      const script = scripts[Math.min(number, scripts.length) - 1]!;
      this.#conversations.push(new Conversation(number, socket, script, this.#listener(number)));
    });
    this.#server.listen(0, '127.0.0.1', () =>
      tell({ broker: id, news: 'listening', port: (this.#server.address() as AddressInfo).port }),
    );
  }

  #listener(connection: number): Listener {
    const broker = this.id;
    return {
      received: (entry) => tell({ broker, news: 'received', entry }),
      owed: (count) => tell({ broker, news: 'owed', connection, count }),
      finished: () => tell({ broker, news: 'finished', connection }),
      failed: (difference) => tell({ broker, news: 'failed', difference }),
      signal: (name) => this.#signal(name).given,
    };
  }

  #signal(name: string): { given: Promise<void>; give: () => void } {
    let signal = this.#signals.get(name);
    if (signal === undefined) {
      let give = () => {};
      const given = new Promise<void>((resolve) => {
        give = resolve;
      });
      signal = { given, give };
      this.#signals.set(name, signal);
    }
    return signal;
  }

  signal(name: string): void {
    this.#signal(name).give();
  }

  close(): void {
    for (const conversation of this.#conversations) conversation.close();
    this.#server.close(() => tell({ broker: this.id, news: 'closed' }));
  }
}

const brokers = new Map<number, Broker>();

parentPort!.on('message', (command: Command) => {
  switch (command.do) {
    case 'listen':
      return brokers.set(command.broker, new Broker(command.broker, command.scripts));
    case 'signal':
      return brokers.get(command.broker)?.signal(command.name);
    case 'close':
      brokers.get(command.broker)?.close();
      return brokers.delete(command.broker);
    case 'watch':
      return watch(command.test, command.limit);
  }
});

process.on('uncaughtException', (error) => {
  for (const broker of brokers.keys())
    tell({ broker, news: 'failed', difference: `the broker crashed: ${error.stack}` });
});

// jest cannot end a test whose thread sleeps; this thread can. It counts ticks of its own: on a machine that
// is starved, or was suspended, they are late too
let watchdog: NodeJS.Timeout | undefined;
function watch(test: string | undefined, limit: number): void {
  clearInterval(watchdog);
  if (test === undefined) return;
  let seconds = 0;
  watchdog = setInterval(() => {
    if (++seconds * 1000 < limit) return;
    writeSync(2, `\nscripted broker: "${test}" hangs for ${limit} ms; the process is killed\n`);
    process.kill(process.pid, 'SIGKILL');
  }, 1000);
}
