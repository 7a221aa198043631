/**
 * What the drivers have in common: the command line, the clock and the result.
 *
 *     DRIVER SCENARIO SIZE COUNT ROUNDS URL QUEUE
 *
 * A publish until the queue has all (asked every millisecond) · B confirm each · C confirms in batches of 1000 · D consume, prefetch 250, ack
 * each · E consume without acks · F get · G get from an empty queue · H call over direct reply-to · HS its server ·
 * I connect, publish one, close. COUNT messages, in A, B and C ROUNDS times, with a purge in between that is not
 * measured. One line of JSON comes out; HS writes `ready` when it is.
 */
const { readFileSync } = require('node:fs');

const [scenario, size, count, rounds, url, queue] = process.argv.slice(2);
const job = {
  scenario,
  size: Number(size),
  count: Number(count),
  rounds: Number(rounds),
  url,
  queue,
  body: Buffer.alloc(Number(size), 'x'),
};

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage(); // of all threads
  return (user + system) / 1e6;
};

/** CPU seconds of the main thread alone; 0 where the system does not tell. */
const mainThreadSeconds = () => {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e9;
  } catch {
    return 0;
  }
};

const clock = {
  messages: 0,
  seconds: 0,
  cpu: 0,
  main: 0,
  latencies: new Float64Array('BFGH'.includes(scenario) ? job.count * job.rounds : 0),
  laps: 0,

  start() {
    this.mainAtStart = mainThreadSeconds();
    this.cpuAtStart = cpuSeconds();
    this.startedAt = performance.now();
  },

  /** `messages` have gone through since `start`. */
  stop(messages = job.count) {
    this.seconds += (performance.now() - this.startedAt) / 1000;
    this.cpu += cpuSeconds() - this.cpuAtStart;
    this.main += mainThreadSeconds() - this.mainAtStart;
    this.messages += messages;
  },

  /** One call that began at `begin` (`performance.now()`) has ended. */
  lap(begin) {
    this.latencies[this.laps++] = performance.now() - begin;
  },
};

function percentile(sorted, part) {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function report() {
  const sorted = clock.latencies.subarray(0, clock.laps).sort();
  const result = {
    n: clock.messages,
    secs: clock.seconds,
    cpu: clock.messages ? clock.cpu : cpuSeconds(),
    main: clock.main,
    rss_kb: peakKilobytes(),
    p50: percentile(sorted, 0.5) * 1000,
    p99: percentile(sorted, 0.99) * 1000,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Run the scenario asked for; each closes its connection before it returns. */
async function run(scenarios) {
  const chosen = scenarios[job.scenario];
  if (chosen === undefined) throw new Error(`this driver has no scenario ${job.scenario}`);
  await chosen();
  if (job.scenario !== 'HS') report();
}

/** Peak resident set of this program; `maxRSS` remembers the process it was forked from. */
function peakKilobytes() {
  try {
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
}

/** Refuse results that are not what was asked for: a fast wrong answer is no answer. */
function expect(condition, what) {
  if (!condition) throw new Error(`not as expected: ${what}`);
}

/** Sleeps a millisecond, and throws when the queue has not got all messages after a long time. */
function patience() {
  let left = 20_000;
  const check = () => expect(left-- > 0, 'the queue does not get all messages');
  return {
    pause() {
      check();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    },
    async later() {
      check();
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}

function main(scenarios) {
  run(scenarios).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
}

module.exports = { job, clock, expect, patience, main };
