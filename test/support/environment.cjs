/**
 * Node's environment. Between two files it tells jest how much memory the whole process has: jest asks for the heap alone
 * when it decides on a new process (workerIdleMemoryLimit), and here most is outside, in buffers and threads.
 */
const { TestEnvironment } = require('jest-environment-node');

const { memoryUsage } = process;
const whole = () => ({ ...memoryUsage(), heapUsed: memoryUsage.rss() });

module.exports = class extends TestEnvironment {
  constructor(...args) {
    process.memoryUsage = memoryUsage; // what the tests see is a copy of `process`
    super(...args);
  }

  async teardown() {
    await super.teardown();
    process.memoryUsage = whole;
  }
};
