/** Connections that are lost, and come back: through a proxy to the broker of this run. */
import {
  type Connection,
  type ConnectOptions,
  connect,
  type RecoveryInfo,
  type RecoveryOptions,
} from '../../src';
import { CEILING, open, pause } from '../support/connect';
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
