/** Programs that end, are interrupted, or lose their worker thread: `child.cjs HOW QUEUE`. */
const { spawn } = require('node:child_process');
const { fileURLToPath } = require('node:url');
const threads = require('node:worker_threads');

const [, , how, queue] = process.argv;
const fault = /^worker-(.*)/.exec(how)?.[1];
/** What ends a thread from within, a second after its start. */
const ENDS = { throw: "throw new Error('fault')", exit: 'process.exit(9)' };
const workers = [];
if (fault !== undefined) {
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(entry, options) {
      const file = String(entry).startsWith('file:') ? fileURLToPath(entry) : String(entry);
      const end = `setTimeout(() => { ${ENDS[fault] ?? ''} }, 1000); require(${JSON.stringify(file)})`;
      super(end, { ...options, eval: true });
      workers.push(this);
    }
  };
}
const { connect } = require('amqp-sync');

const connection = connect();
const channel = connection.channel();

if (fault !== undefined) dieOf();
else if (how === 'compute') {
  connection.sleep(50);
  interruptSoon();
  for (const end = Date.now() + 10_000; Date.now() < end; );
} else {
  for (let n = 0; n < 300; n++) channel.basicPublish('x'.repeat(1000), { routingKey: queue });
  end();
}

function end() {
  if (how === 'exit') process.exit(3);
  if (how === 'throw') throw new Error('uncaught');
  if (how === 'reject') Promise.reject(new Error('unhandled'));
  if (how === 'listener') process.on('exit', () => channel.basicPublish('last', { routingKey: queue }));
  if (how === 'wait-listener')
    process.on('SIGINT', () => {
      console.log('listener');
      process.exit(7);
    });
  if (how.startsWith('wait')) wait();
}

/** Somebody else presses Ctrl-C, for this thread sleeps, or works. */
function interruptSoon() {
  spawn('sh', ['-c', `sleep 0.7; kill -INT ${process.pid}`], { detached: true, stdio: 'ignore' }).unref();
}

function wait() {
  interruptSoon();
  try {
    connection.drainEvents({ timeout: 60_000 });
  } catch (error) {
    console.log(error.name);
  } finally {
    console.log('finally');
  }
}

/** The thread ends while this one sleeps. */
function dieOf() {
  const began = Date.now();
  if (fault === 'terminate') void workers[0].terminate();
  try {
    connection.drainEvents({ timeout: 60_000 });
  } catch (error) {
    console.log(error.name, Date.now() - began);
  }
}
