/** Publishes whatever happens: a queue that is gone is declared again, a connection that is lost is made again. */
import { Connection, Message, NotFound, RecoverableConnectionError, Timeout } from '../../src/compat/amqpy';

const conn = new Connection({ host: 'localhost' });

function declare() {
  const ch = conn.channel(1);
  try {
    ch.queue_declare('tasks', { passive: true });
  } catch (e) {
    if (!(e instanceof NotFound)) throw e;
    // the same channel, which is open again
    ch.queue_declare('tasks', { durable: true, auto_delete: false });
  }
  return ch;
}

function publish(text: string) {
  for (let attempt = 1; ; attempt++) {
    try {
      if (!conn.is_alive()) conn.connect();
      const ch = declare();
      ch.basic_publish_confirm(new Message(text), '', 'tasks');
      return;
    } catch (e) {
      const isPassing = e instanceof RecoverableConnectionError || e instanceof Timeout;
      if (!isPassing || attempt === 5) throw e;
      console.log(`attempt ${attempt}: ${e}`);
      sleep(0.1 * attempt);
    }
  }
}

/** Python's time.sleep. */
function sleep(seconds: number) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}

for (let n = 0; n < 10; n++) {
  publish(`task ${n}`);
  console.log(`published ${n}`);
  sleep(0.5);
}
conn.close();
