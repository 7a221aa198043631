#!/usr/bin/env bash
# signal-exit 4.1.0 on Node.js 20, Bun 1.4.5 and Deno 2.9.6.
#
# What is to run when a program ends, however it ends, is mostly given to signal-exit, which wraps `process.emit` and
# `process.reallyExit`. Bun calls the listeners of 'exit' past `process.emit`, but for `process.exit()`: at the end of the
# script, and behind an uncaught error, the handler does not run. Deno has no 'exit' behind an uncaught error at all. Temporary
# files stay, and what was buffered is lost. In Bun `process.on('exit')` is heard, in Deno 'uncaughtExceptionMonitor'.
source "$(dirname "$0")/support.sh"
npm_install signal-exit@4.1.0 bun@1.4.5 deno@2.9.6
cat >"$folder/end.cjs" <<'JS'
const { onExit } = require('signal-exit');
onExit(() => require('node:fs').writeSync(1, 'handler '));
if (process.argv[2] === 'exit') process.exit(0);
if (process.argv[2] === 'error') throw new Error('uncaught');
JS

# heard RUNTIME...: which of the three ends the handler runs at
heard() {
  for how in end exit error; do
    said=$("$@" "$folder/end.cjs" "$how" 2>/dev/null) || true
    [[ $said == 'handler ' ]] && printf '%s ' "$how"
  done
  return 0
}

bin=$folder/node_modules/.bin
on_node=$(heard node) on_bun=$(heard "$bin/bun") on_deno=$(heard "$bin/deno" run --allow-all)
echo "signal-exit 4.1.0, its handler runs: Node $(node -p process.versions.node): $on_node; Bun 1.4.5: $on_bun; Deno 2.9.6: $on_deno"
[[ $on_node == 'end exit error ' && $on_bun == 'exit ' && $on_deno == 'end exit ' ]]
