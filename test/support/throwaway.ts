import type { Channel, Connection, Queue } from '../../src';

/** `declareQueue` of a test's channel, for queues that are deleted after the test, whatever became of the channel. */
export function throwaway(now: () => { connection: Connection; channel: Channel }) {
  const made: Queue[] = [];
  afterEach(() => {
    const last = now().connection.channel();
    for (const { name } of made.splice(0)) last.queueDelete(name);
    last.close();
  });
  return (...args: Parameters<Channel['declareQueue']>): Queue => {
    const queue = now().channel.declareQueue(...args);
    made.push(queue);
    return queue;
  };
}
