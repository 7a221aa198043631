/**
 * SIGINT ends this program in order while it waits; one that comes while it works is lost, so this is for workers that
 * mostly wait. `STOPSIGNAL SIGINT` (Docker) and `KillSignal=SIGINT` (systemd) send it instead of SIGTERM.
 */
import { connect, InterruptedError } from '../../src';

process.on('SIGINT', () => {}); // with a listener the blocked call throws; without one the program ends there

const connection = connect();
const tasks = connection.channel().declareQueue('jobs');
tasks.subscribe((message) => console.log(message.text));
connection.callLater(0, () => console.log('ready'));
try {
  connection.loop();
} catch (error) {
  if (!(error instanceof InterruptedError)) throw error;
}
connection.close();
console.log('closed');
