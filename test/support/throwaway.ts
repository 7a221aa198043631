import type { Channel, Queue } from '../../src';
import { channel, connection } from './channel';

/** `declareQueue` of a test's channel (`useChannel`), for queues that are deleted after the test, whatever became of the channel. */
export function throwaway() {
  const made: Queue[] = [];
  afterEach(() => {
    const last = connection.channel();
    for (const { name } of made.splice(0)) last.queueDelete(name);
    last.close();
  });
  return (...args: Parameters<Channel['declareQueue']>): Queue => {
    const queue = channel.declareQueue(...args);
    made.push(queue);
    return queue;
  };
}
