/** SIGINT ends this program in order. `STOPSIGNAL SIGINT` (Docker) and `KillSignal=SIGINT` (systemd) send it instead of SIGTERM. */
import { connect, InterruptedError } from '../../src';

process.on('SIGINT', () => {}); // with a listener the blocked call throws; without one the program ends there

const connection = connect();
const tasks = connection.channel().declareQueue('', { autoDelete: false });
tasks.subscribe((message) => console.log(message.text));
connection.callLater(0, () => console.log('ready'));
try {
  connection.loop();
} catch (error) {
  if (!(error instanceof InterruptedError)) throw error;
}
connection.close();
console.log('closed');
