// A program that waits for events: node blocked-child.cjs <library> <url> <timeout>. Says what became of it, as JSON.
const [library, url, timeout] = process.argv.slice(2);
const { connect } = require(library);

const connection = connect(url, { connectTimeout: 60_000 });
connection.channel();
process.stdout.write('waiting\n');
let outcome = 'no error';
try {
  connection.drainEvents({ timeout: Number(timeout) });
} catch (error) {
  outcome = error.name;
}
const after = [];
for (let again = 0; again < 2; again++) {
  try {
    connection.channel(1).queuePurge('q', { timeout: 60_000 });
  } catch (error) {
    after.push(error.name);
  }
}
process.stdout.write(`${JSON.stringify({ outcome, at: Date.now(), after })}\n`);
