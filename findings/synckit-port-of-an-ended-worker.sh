#!/usr/bin/env bash
# synckit 0.12.3 on Node.js 20.13 or later.
#
# A worker that has ended leaves its port behind in the thread that started it, for ever, with whatever was the
# asynchronous context when it was started. Programs that start workers one after the other grow a little with each, and
# jest keeps the modules of every test file that has started one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --prefix "$folder" --no-audit --no-fund --loglevel=error synckit@0.12.3 >/dev/null
cat >"$folder/worker.cjs" <<'JS'
require('synckit').runAsWorker((order) => {
  if (order === 'end') setTimeout(() => process.exit(0), 10);
  return 'done';
});
JS
cat >"$folder/main.cjs" <<'JS'
const { subscribe } = require('node:diagnostics_channel');
const { queryObjects } = require('node:v8');
const { MessagePort } = require('node:worker_threads');
const { startWorkerThread } = require('synckit');

let worker;
subscribe('worker_threads', (message) => {
  worker = message.worker;
});
const ports = () => queryObjects(MessagePort, { format: 'count' });

(async () => {
  const busy = setInterval(() => {}, 1000); // such workers keep no process alive
  const before = ports();
  for (let i = 0; i < 20; i++) {
    startWorkerThread(`${__dirname}/worker.cjs`)('end');
    await new Promise((resolve) => worker.once('exit', resolve));
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const left = ports() - before;
  console.log(`Node.js ${process.versions.node}, synckit 0.12.3`);
  console.log(`ports left by 20 workers that have ended: ${left}`);
  clearInterval(busy);
  process.exitCode = left >= 20 ? 0 : 1;
})();
JS
node --no-warnings "$folder/main.cjs"
