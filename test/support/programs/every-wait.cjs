/**
 * Every kind of wait that ends by the clock, run one after the other. Returns their names; for programs under fake
 * timers, where one that asks a faked clock never ends. `library` is the folder of the library.
 */
module.exports = function everyWait(library, url, queue) {
  const amqp = require(`${library}/src/index.js`);
  const amqpy = require(`${library}/src/compat/amqpy.js`);
  const pika = require(`${library}/src/compat/pika.js`);

  const connection = amqp.connect(url);
  const channel = connection.channel();
  channel.confirmSelect();
  const waits = {
    sleep: () => connection.sleep(20),
    loop: () => connection.loop({ timeout: 20 }),
    drainEvents: () => timesOut(() => connection.drainEvents({ timeout: 20 })),
    withDeadline: () => timesOut(() => connection.withDeadline(20, () => connection.drainEvents())),
    waitAny: () => amqp.waitAny([connection], { timeout: 20 }),
    iterator: () => {
      for (const message of channel.consume(queue, { timeout: 20 })) message.ack();
    },
    get: () => connection.queue(queue).get({ timeout: 20 }),
    'remote call': () => timesOut(() => connection.rpc(queue).call('nobody answers', { timeout: 20 })),
    'publish and confirm': () => channel.publishBatch(['a'], { routingKey: queue, timeout: 60_000 }),
    callLater: () => {
      let rang = false;
      connection.callLater(20, () => {
        rang = true;
      });
      while (!rang) connection.drainEvents({ timeout: 60_000 });
    },
    pika: () => {
      const other = new pika.BlockingConnection(new pika.URLParameters(url));
      other.sleep(0.02);
      other.process_data_events({ time_limit: 0.02 });
      other.close();
    },
    amqpy: () => {
      const { hostname, port } = new URL(url);
      const other = new amqpy.Connection({ host: hostname, port: Number(port || 5672) });
      timesOut(() => other.drain_events(0.02), amqpy.Timeout);
      other.close();
    },
    'embedded broker': () => {
      const broker = amqp.startBroker();
      const other = amqp.connect(broker.url);
      const its = other.channel();
      broker.stall();
      timesOut(() => its.queueDeclare('unanswered', { timeout: 20 }));
      other.abort();
      broker.close();
    },
    close: () => connection.close(),
  };

  function timesOut(wait, error = amqp.TimeoutError) {
    try {
      wait();
    } catch (thrown) {
      if (thrown instanceof error) return;
      throw thrown;
    }
    throw new Error(`it did not time out: ${wait}`);
  }

  return Object.entries(waits).map(([name, wait]) => {
    wait();
    return name;
  });
};
