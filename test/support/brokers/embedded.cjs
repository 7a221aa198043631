// A process with an embedded broker: node embedded.cjs <library>. Says its URL, and ends when its stdin does.
const { startBroker } = require(process.argv[2]);

process.stdout.write(`${startBroker().url}\n`);
process.stdin.resume().on('close', () => process.exit());
