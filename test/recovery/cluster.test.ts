/** Three nodes of a real cluster, a quorum queue over all of them, and the client's node is stopped. */
import { type Connection, connect } from '../../src';
import { describeNode } from '../support/brokers/on-rabbitmq';
import { type PrivateRabbitmq, startRabbitmq } from '../support/brokers/rabbitmq';
import { CEILING, unique } from '../support/connect';
import { SOON } from './lost';

/** An election may be due first. */
const PATIENCE = 120_000;

let nodes: PrivateRabbitmq[] = [];
let connection: Connection | undefined;

describeNode('a cluster of three nodes', () => {
  beforeAll(async () => {
    const first = await startRabbitmq();
    nodes = [first];
    nodes.push(...(await Promise.all([1, 2].map(() => startRabbitmq({ cluster: first })))));
  }, 600_000);
  afterAll(async () => {
    connection?.abort();
    for (const node of nodes.reverse()) await node.stop();
  }, 60_000);

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'the node that the client is on goes (%s): nothing confirmed is lost',
    async (signal) => {
      for (const node of nodes) if (node.pid === 0) await node.start();
      const hosts = nodes.map(({ url }) => new URL(url).host);
      connection = connect('amqp://guest:guest@localhost', {
        ...{
          hosts,
          recovery: { ...SOON, maxInterval: 1000 },
          callTimeout: PATIENCE,
          connectTimeout: CEILING,
        },
      });
      const moves: string[] = [connection.stats().host];
      connection.onRecovery = ({ host }) => moves.push(host);
      const channel = connection.channel();
      channel.confirmSelect();
      const queue = unique('quorum');
      const table = { 'x-queue-type': 'quorum', 'x-quorum-initial-group-size': 3 };
      channel.queueDeclare(queue, { durable: true, arguments: table });
      const seen = new Set<string>();
      channel.basicConsume(queue, (message) => {
        seen.add(message.text);
        message.ack();
      });
      const ids = Array.from({ length: 200 }, (_, index) => `${index}`);
      for (const id of ids.slice(0, 100)) channel.basicPublish(id, { routingKey: queue, retry: true });
      connection.loop({ timeout: 0 });
      const host = connection.stats().host;
      const node = nodes.find(({ url }) => new URL(url).host === host) as PrivateRabbitmq;
      await node.kill(signal);
      for (const id of ids.slice(100)) channel.basicPublish(id, { routingKey: queue, retry: true });
      for (const end = performance.now() + PATIENCE; seen.size < ids.length && performance.now() < end; )
        connection.loop({ timeout: 200 });
      expect(ids.filter((id) => !seen.has(id))).toEqual([]);
      expect(connection.epoch).toBeGreaterThan(1);
      expect(moves[0]).toBe(host);
      expect(moves.at(-1)).not.toBe(host);
      channel.queueDelete(queue);
      connection.close();
    },
  );

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'the node goes that leads the queue, and the client is on another (%s): its calls take longer, and that is all',
    async (signal) => {
      for (const node of nodes) if (node.pid === 0) await node.start();
      const [leader, other] = nodes as [PrivateRabbitmq, PrivateRabbitmq];
      const queue = unique('quorum');
      const table = {
        ...{ 'x-queue-type': 'quorum', 'x-quorum-initial-group-size': 3 },
        'x-queue-leader-locator': 'client-local',
      };
      using owner = connect(leader.url, { callTimeout: PATIENCE, connectTimeout: CEILING });
      owner.channel().queueDeclare(queue, { durable: true, arguments: table });
      owner.close();
      connection = connect(other.url, { callTimeout: PATIENCE, connectTimeout: CEILING });
      const channel = connection.channel();
      channel.confirmSelect();
      const seen = new Set<string>();
      const cancelled: string[] = [];
      const onCancel = (tag: string) => cancelled.push(tag);
      channel.basicConsume(
        queue,
        (message) => {
          seen.add(message.text);
          message.ack();
        },
        { onCancel },
      );
      const ids = Array.from({ length: 200 }, (_, index) => `${index}`);
      for (const id of ids.slice(0, 100)) channel.basicPublish(id, { routingKey: queue });
      connection.loop({ timeout: 0 });
      await leader.kill(signal);
      for (const id of ids.slice(100)) channel.basicPublish(id, { routingKey: queue });
      for (const end = performance.now() + PATIENCE; seen.size < ids.length && performance.now() < end; )
        connection.loop({ timeout: 200 });
      expect(ids.filter((id) => !seen.has(id))).toEqual([]);
      expect(cancelled).toEqual([]);
      expect(connection.isOpen).toBe(true);
      channel.queueDelete(queue);
      connection.close();
    },
  );
});
