/** Connections that are lost, and come back: through a proxy to the broker of this run. */
import {
  type Channel,
  type Connection,
  type ConnectOptions,
  connect,
  type IncomingMessage,
  type RecoveryInfo,
  type RecoveryOptions,
} from '../../src';
import { CEILING, eventually, open, pause } from '../support/connect';
import { startProxy, type TcpProxy } from '../support/peers/proxy';

/** Tried again soon: nobody wants to wait in tests. */
export const SOON: RecoveryOptions = { interval: 20, maxInterval: 200 };

export interface Lossy {
  connection: Connection;
  proxy: TcpProxy;
  /** What `onRecovery` was told. */
  recoveries: RecoveryInfo[];
  /** Cut the connection, and wait until that has been noticed on this side; or cut it and look away. */
  lose(): void;
  /** Wait until it is there again. */
  regain(): void;
}

const proxies = new Set<TcpProxy>();
afterEach(() => {
  for (const proxy of proxies) proxy.close();
  proxies.clear();
});

/** A connection that can be lost; it lives as long as the test. */
export function lossy(
  recovery: RecoveryOptions = {},
  options: ConnectOptions = {},
  url = process.env.AMQP_URL!,
): Lossy {
  const proxy = startProxy(url);
  proxies.add(proxy);
  const connection = open({ url: proxy.url, recovery: { ...SOON, ...recovery }, ...options });
  const recoveries: RecoveryInfo[] = [];
  connection.onRecovery = (info) => recoveries.push(info);
  const until = (state: Connection['state']) => {
    const deadline = performance.now() + CEILING;
    while (connection.isAlive && connection.state !== state) {
      if (performance.now() > deadline)
        throw new Error(`the connection is ${connection.state}, and not ${state}`);
      pause(2);
    }
  };
  return {
    connection,
    proxy,
    recoveries,
    lose: () => {
      proxy.down();
      proxy.cut();
      until('recovering');
    },
    regain: () => {
      proxy.up();
      until('open');
    },
  };
}

/** A connection of somebody else, straight to the broker. */
export function other(url?: string): Connection {
  return connect(url, { callTimeout: CEILING, connectTimeout: CEILING });
}

/** A message that the broker brings back from a connection that was lost: it may be slow to see that it is gone. */
export function regained(channel: Channel, queue: string): IncomingMessage {
  let message: IncomingMessage | null = null;
  eventually(() => {
    message = channel.basicGet(queue);
    return message !== null;
  });
  return message!;
}

/**
 * Wait until the consumer of the connection that was lost is no more, once its successor is there: what a queue hands to
 * one without acknowledgements is gone.
 */
export function untilSucceeded(queue: string): void {
  const observer = open().channel();
  eventually(() => observer.queueDeclare(queue, { passive: true }).consumerCount === 1);
}

/** Cut the connection there is, after so many more bytes from the client. */
export function cutAfter(proxy: TcpProxy, after: number): void {
  const { connections: connection } = proxy.seen();
  proxy.cut({ after, direction: 'client->broker', connection });
}

/** The broker gets what is said from now on, but its answers are lost, and then the connection. */
export function loseAnswers(proxy: TcpProxy): void {
  const { connections: connection } = proxy.seen();
  proxy.stall({ mode: 'drop', direction: 'broker->client', connection });
  cutAfter(proxy, 1);
}
