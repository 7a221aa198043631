/**
 * `node test/support/run-jest.cjs [jest's arguments]`: jest with an end, whatever happens. A test that blocks its
 * thread for ever cannot be timed out by jest, so after 30 minutes (or AMQP_SYNC_TEST_TIMEOUT seconds) jest and all
 * that it has started are killed, and the exit code is 124, as that of the command `timeout`, which macOS lacks.
 */
const { spawn } = require('node:child_process');
const { constants } = require('node:os');
const lanes = require('./lanes.cjs');

const seconds = Number(process.env.AMQP_SYNC_TEST_TIMEOUT || 1800);
if (!(seconds > 0 && seconds < 2 ** 31 / 1000)) {
  console.error(
    `AMQP_SYNC_TEST_TIMEOUT must be a number of seconds, not "${process.env.AMQP_SYNC_TEST_TIMEOUT}"`,
  );
  process.exit(2);
}

// `--embedded` and `--rabbitmq`: what is said to a broker, against that one alone; tests which need the other are skipped.
// `--unit`: what needs none.
const args = process.argv.slice(2);
const lane = args[0]?.match(/^--(embedded|rabbitmq|unit)$/)?.[1];
if (lane !== undefined) {
  process.env.AMQP_SYNC_BROKER = lane === 'unit' ? 'none' : lane;
  args.shift();
  if (files().length === 0) args.push(...lanes[lane]);
} else if (!process.env.AMQP_SYNC_BROKER && files().length > 0 && files().every(needsNoBroker)) {
  process.env.AMQP_SYNC_BROKER = 'none';
}

function files() {
  return args.filter((arg) => !arg.startsWith('-'));
}

function needsNoBroker(file) {
  return lanes.unit.some((pattern) => new RegExp(pattern).test(`${file}/`));
}

// Linux's malloc gives back what large buffers had, and does not keep a store for each thread that there was.
process.env.MALLOC_ARENA_MAX ??= '2';
process.env.MALLOC_TRIM_THRESHOLD_ ??= '131072';

// Node reads NODE_EXTRA_CA_CERTS whenever it starts, as long as all the rest of its start takes, and the tests start it
// hundreds of times: npm alone, which leaves this machine, gets it back (test/package/consumer.ts).
process.env.AMQP_SYNC_EXTRA_CA_CERTS = process.env.NODE_EXTRA_CA_CERTS ?? '';
delete process.env.NODE_EXTRA_CA_CERTS;

// A process group of its own, so that no worker of jest survives it; Windows has none.
const ownGroup = process.platform !== 'win32';
const jest = spawn(process.execPath, [require.resolve('jest/bin/jest'), ...args], {
  stdio: 'inherit',
  detached: ownGroup,
});

let timedOut = false;
const timer = setTimeout(() => {
  timedOut = true;
  console.error(
    `run-jest: no end after ${seconds} s (AMQP_SYNC_TEST_TIMEOUT), killing jest and all it has started`,
  );
  kill('SIGKILL');
}, seconds * 1000);

// Ctrl-C reaches the terminal's foreground group only, which jest is not in: pass it on, the second time for good.
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => kill(signals++ === 0 ? signal : 'SIGKILL'));
}

jest.on('exit', (code, signal) => {
  clearTimeout(timer);
  if (code === null) kill('SIGKILL');
  process.exitCode = timedOut ? 124 : (code ?? 128 + constants.signals[signal]);
});

function kill(signal) {
  try {
    if (ownGroup) process.kill(-jest.pid, signal);
    else jest.kill(signal);
  } catch {
    // gone already
  }
}
