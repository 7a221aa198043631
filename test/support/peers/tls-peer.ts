import { once } from 'node:events';
import type { TlsOptions } from 'node:tls';
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { helperThread } from '../threads/helper-thread';

/** Certificate, key and limits of a server that never says a word of AMQP; without a certificate nor of TLS. */
export type TlsPeerOptions = Pick<TlsOptions, 'minVersion' | 'maxVersion' | 'ciphers'> & {
  cert?: string;
  key?: string;
};

export type TlsPeerNews = { listening: number } | ClientNews;

/** What a client has done, once it is gone. */
export interface ClientNews {
  /** What it sent, within TLS. */
  bytes: number;
  /** The name it asked for. */
  sni: string | undefined;
  /** Why there was no TLS. */
  error?: string;
}

/** A TLS server in a thread of its own, for what a real broker does not do. */
export class TlsPeer {
  private constructor(
    readonly port: number,
    readonly news: MessagePort,
    readonly worker: Worker,
  ) {}

  static async start(options: TlsPeerOptions): Promise<TlsPeer> {
    const { port1: news, port2: port } = new MessageChannel();
    const worker = helperThread('test/support/peers/tls-peer-thread', {
      workerData: { port, options },
      transferList: [port],
    });
    const [{ listening }] = (await once(news, 'message')) as [{ listening: number }];
    news.removeAllListeners('message').unref();
    return new TlsPeer(listening, news, worker);
  }

  /** Block until the next client is gone. */
  client(timeout = 30_000): ClientNews {
    for (const deadline = performance.now() + timeout; performance.now() < deadline; ) {
      const received = receiveMessageOnPort(this.news);
      if (received !== undefined) return received.message as ClientNews;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
    throw new Error(`no client has come and gone within ${timeout} ms`);
  }

  async stop(): Promise<void> {
    this.news.close();
    await this.worker.terminate();
  }
}
