/**
 * One point of a curve: `scale.cjs AXIS VALUE COUNT URL QUEUE`, one line of JSON out. `setup` is the time that
 * opening VALUE channels, consumers or connections took; the rest is about COUNT messages.
 */
const { readFileSync } = require('node:fs');
const { connect } = require(process.env.AMQP_SYNC_LIBRARY || '../../../dist/src/index.js');

const [axis, valueText, countText, url, queue] = process.argv.slice(2);
const value = Number(valueText);
const count = Number(countText);
const SMALL = Buffer.alloc(16, 'x');

let setup = 0;
let seconds = 0;
let cpu = 0;

function timedSetup(open) {
  const begin = performance.now();
  const opened = open();
  setup = performance.now() - begin;
  return opened;
}

function timed(work) {
  const before = process.cpuUsage();
  const begin = performance.now();
  work();
  seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(before);
  cpu = (user + system) / 1e6;
}

const connection = connect(url, { heartbeat: 0 });
const channel = connection.channel();
const several = (make) => timedSetup(() => Array.from({ length: value }, make));

/** Publish COUNT small messages through all of them in turn, and wait until the broker has read them. */
function publishInTurn(channels, last) {
  const address = { routingKey: queue, deliveryMode: 1 };
  timed(() => {
    for (let index = 0; index < count; index++)
      channels[index % channels.length].basicPublish(SMALL, address);
    for (const each of last) each.queueDeclare(queue, { passive: true });
  });
}

/** The first messages cost what compiling costs; these go nowhere. */
function warmUp() {
  for (let index = 0; index < 10_000; index++) channel.basicPublish(SMALL, { routingKey: 'nowhere' });
  channel.queueDeclare(queue, { passive: true });
}

const axes = {
  size() {
    const body = Buffer.alloc(value, 'x');
    timed(() => {
      for (let index = 0; index < count; index++)
        channel.basicPublish(body, { routingKey: queue, deliveryMode: 1 });
      channel.queueDeclare(queue, { passive: true });
    });
  },

  'consume-size'() {
    timed(() => {
      for (const message of channel.consume(queue, { noAck: true, limit: count })) {
        if (message.body.length !== value) throw new Error('size of a message');
      }
    });
  },

  depth() {
    timed(() => {
      for (let index = 0; index < count; index++) channel.basicGet(queue, { noAck: true });
    });
  },

  /** VALUE messages are held; each new one settles the oldest, and a hundred more may be under way. */
  unsettled() {
    const held = [];
    let oldest = 0;
    timed(() => {
      for (const message of channel.consume(queue, { prefetch: value + 100, limit: count })) {
        held.push(message);
        if (held.length - oldest >= value) {
          held[oldest].ack();
          held[oldest++] = undefined;
        }
      }
      for (; oldest < held.length; oldest++) held[oldest].ack();
    });
  },

  channels() {
    const channels = several(() => connection.channel());
    publishInTurn(channels, channels.slice(-1));
  },

  /** Each on a channel of its own; together they take COUNT messages. */
  consumers() {
    let left = count;
    const channels = several(() => connection.channel());
    timed(() => {
      for (const each of channels) each.basicConsume(queue, () => left--, { noAck: true });
      while (left > 0) connection.drainEvents();
    });
  },

  connections() {
    const connections = several(() => connect(url, { heartbeat: 0 }));
    const channels = connections.map((each) => each.channel());
    publishInTurn(channels, channels);
    for (const each of connections) each.close();
  },
};

warmUp();
axes[axis]();
connection.close();
const rss = Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;
process.stdout.write(`${JSON.stringify({ setup, seconds, cpu, rss })}\n`);
