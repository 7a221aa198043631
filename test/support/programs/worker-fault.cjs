// Preloaded into a connection's worker by NODE_OPTIONS: makes it die in the way that the environment asks for.
//   AMQP_SYNC_FAULT     how
//   AMQP_SYNC_FAULT_MS  milliseconds after its start; 0: while it loads
//   AMQP_SYNC_FAULT_CUE a file: once it is there, instead
//   AMQP_SYNC_FAULT_AT  a file that is told the time of death, milliseconds since 1970
const { existsSync, writeFileSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');

const { AMQP_SYNC_FAULT, AMQP_SYNC_FAULT_MS, AMQP_SYNC_FAULT_CUE, AMQP_SYNC_FAULT_AT } = process.env;

const FAULTS = {
  throw() {
    throw new Error('boom');
  },
  reject() {
    Promise.reject(new Error('boom'));
  },
  exit() {
    process.exit(7);
  },
  overflow() {
    FAULTS.overflow();
  },
  // for as long as the thread lives
  loop() {
    for (;;);
  },
  memory() {
    const hoard = [];
    for (;;) hoard.push(Array.from({ length: 1000 }, () => ({ heap: hoard.length })));
  },
};

function strike() {
  writeFileSync(AMQP_SYNC_FAULT_AT, String(Date.now()));
  FAULTS[AMQP_SYNC_FAULT]();
}

if (!isMainThread && AMQP_SYNC_FAULT) {
  if (AMQP_SYNC_FAULT_CUE) setInterval(() => existsSync(AMQP_SYNC_FAULT_CUE) && strike(), 10).unref();
  else if (AMQP_SYNC_FAULT_MS === '0') strike();
  else setTimeout(strike, Number(AMQP_SYNC_FAULT_MS));
}
