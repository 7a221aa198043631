/** The asynchronous half of synckit-amqplib.cjs. */
import { once } from 'node:events';
import amqp from 'amqplib';
import { runAsWorker } from 'synckit';

let connection;
let channel;
let waiting;
const inbox = [];
const asBuffer = (body) => Buffer.from(body.buffer, body.byteOffset, body.byteLength);

const verbs = {
  async connect(url, confirm) {
    connection = await amqp.connect(`${url}?heartbeat=0`, { noDelay: true });
    channel = await (confirm ? connection.createConfirmChannel() : connection.createChannel());
  },
  async publish(routingKey, body, properties) {
    if (!channel.publish('', routingKey, asBuffer(body), properties)) await once(channel, 'drain');
  },
  publishConfirmed(routingKey, body, properties) {
    return new Promise((resolve, reject) => {
      const confirmed = (error) => (error ? reject(error) : resolve());
      channel.publish('', routingKey, asBuffer(body), properties, confirmed);
    });
  },
  async waitForConfirms() {
    await channel.waitForConfirms();
  },
  check: (queue) => channel.checkQueue(queue),
  purge: (queue) => channel.purgeQueue(queue),
  async prefetch(messages) {
    await channel.prefetch(messages);
  },
  async consume(queue, options) {
    const take = (message) => {
      if (waiting === undefined) return void inbox.push(message);
      const resolve = waiting;
      waiting = undefined;
      resolve(message);
    };
    await channel.consume(queue, take, options);
  },
  next: () => (inbox.length > 0 ? inbox.shift() : new Promise((resolve) => (waiting = resolve))),
  async ack(deliveryTag) {
    channel.ack({ fields: { deliveryTag } });
  },
  get: (queue, options) => channel.get(queue, options),
  async close() {
    await channel.close();
    await connection.close();
  },
};

runAsWorker(async (verb, ...args) => verbs[verb](...args));
