#!/usr/bin/env bash
# Bun 1.4.5; Node.js 20 beside it.
#
# `script.runInThisContext({ breakOnSigint: true })` turns Ctrl-C into an exception, which a program may catch. In Node a
# later Ctrl-C ends the program as always. In Bun SIGINT does nothing from then on, though nobody listens, and so it is
# behind a script that nobody interrupted. A listener that is added and taken off again sets it right.
source "$(dirname "$0")/support.sh"
npm_install bun@1.4.5
cat >"$folder/twice.cjs" <<'JS'
const { spawn } = require('node:child_process');
const { Script } = require('node:vm');
const word = new Int32Array(new SharedArrayBuffer(4));
globalThis.sleep = () => Atomics.wait(word, 0, 0, 5000);
const interrupt = (after) => spawn('sh', ['-c', `sleep ${after}; kill -INT ${process.pid}`], { stdio: 'ignore' });
interrupt(0.5);
try {
  new Script('sleep()').runInThisContext({ breakOnSigint: true });
} catch (error) {
  console.log(error.code);
}
process.kill(process.pid, 'SIGINT');
setTimeout(() => console.log('still there'), 1000);
JS
for runtime in node "$folder/node_modules/.bin/bun"; do
  said=$("$runtime" "$folder/twice.cjs" | tr '\n' ' ') && status=0 || status=$?
  echo "$(basename "$runtime") $("$runtime" --version): ${said}(exit code $status)"
  case $runtime in
    node) [[ $said == 'ERR_SCRIPT_EXECUTION_INTERRUPTED ' && $status == 130 ]] ;;
    *) [[ $said == 'ERR_SCRIPT_EXECUTION_INTERRUPTED still there ' && $status == 0 ]] ;;
  esac
done
