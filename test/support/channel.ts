/** What a file says once, for a fresh channel in each of its tests: `useChannel()`. */
import type { Channel, Connection, ConnectOptions } from '../../src';
import { shared, sharedQueue } from './connect';

/** The connection and the channel of the running test, in files that use them. */
export let connection: Connection;
export let channel: Channel;

/**
 * Each test gets a `channel` of its own, on the `connection` that the tests of the file share. The channels that
 * it leaves open are closed after it, and what waits for callbacks is served: none of it meets the next test.
 */
export function useChannel(options?: ConnectOptions, url?: string): void {
  beforeEach(() => {
    connection = shared(options, url);
    channel = connection.channel();
  });
  afterEach(() => {
    for (const each of connection.channels.values()) each.close();
    if (connection.isAlive) connection.loop({ timeout: 0 });
  });
}

/** The queue of the running test, in files that use one. */
export let queue: string;

/** As `useChannel`, with a `queue` for several connections and programs, which is deleted after the test. */
export function useQueue(...bodies: string[]): void {
  useChannel();
  beforeEach(() => {
    queue = sharedQueue(channel, ...bodies);
  });
  afterEach(() => {
    using last = connection.channel();
    last.queueDelete(queue);
  });
}
