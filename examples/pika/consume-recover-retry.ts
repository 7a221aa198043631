/** pika's README: the same with a function that retries, as Python's decorator of that name does. */
import * as pika from '../../src/compat/pika';

type Exception = abstract new (...args: never) => Error;

/** Call `fn` again after `delay` seconds, each time some `jitter` seconds later, while it throws `exception`. */
function retry(
  exception: Exception,
  { delay, jitter: [least, most] }: { delay: number; jitter: [number, number] },
  fn: () => void,
): () => void {
  return () => {
    for (let pause = delay; ; pause += least + Math.random() * (most - least)) {
      try {
        return fn();
      } catch (error) {
        if (!(error instanceof exception)) throw error;
        console.log(`once more in ${Math.round(pause)} s`);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause * 1000);
      }
    }
  };
}

const consume = retry(pika.exceptions.AMQPConnectionError, { delay: 1, jitter: [1, 3] }, () => {
  const connection = new pika.BlockingConnection();
  const channel = connection.channel();
  channel.basic_consume('test', (ch, method, _properties, body) => {
    console.log(`received ${body}`);
    ch.basic_ack(method.delivery_tag);
  });

  try {
    channel.start_consuming();
  } catch (error) {
    // somebody wanted it closed: no more of it
    if (!(error instanceof pika.exceptions.ConnectionClosedByBroker)) throw error;
    console.log('closed by broker');
  }
});

consume();
