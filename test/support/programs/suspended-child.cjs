// A program that waits, and is suspended meanwhile: node suspended-child.cjs <library> <url> <heartbeat>. Says what it found, as JSON.
const [library, url, heartbeat] = process.argv.slice(2);
const { connect } = require(library);

const connection = connect(url, { heartbeat: Number(heartbeat), stallTimeout: 1000 });
const channel = connection.channel();
process.stdout.write('waiting\n');
let outcome = 'nothing came';
try {
  connection.loop({ timeout: 3000 });
  outcome = channel.queueDeclare('', { exclusive: true }).queue === '' ? 'no name' : 'it works';
} catch (error) {
  outcome = error.name;
}
connection.close();
process.stdout.write(`${JSON.stringify({ outcome })}\n`);
