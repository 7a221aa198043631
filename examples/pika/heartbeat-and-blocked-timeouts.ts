/** pika's documentation: ask for a heartbeat, and do not wait for ever for a broker that blocks publishing. */
import * as pika from '../../src/compat/pika';

const params = new pika.ConnectionParameters({ heartbeat: 600, blocked_connection_timeout: 300 });
const conn = new pika.BlockingConnection(params);

const chan = conn.channel();
chan.basic_publish('', 'my-alphabet-queue', 'abc');

// a broker that blocks publishing does not read this either: close gives it five seconds
conn.close();
