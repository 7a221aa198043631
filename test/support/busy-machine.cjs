/**
 * `node test/support/busy-machine.cjs [--times N] COMMAND ARGS...`: run a command, three times in a row unless told
 * otherwise, while a process per core does nothing but compute. Behaviour has to be right on such a machine, too, only
 * slower. Ends at the first time that fails, with its exit code.
 */
const { spawn, spawnSync } = require('node:child_process');
const { availableParallelism } = require('node:os');

const args = process.argv.slice(2);
const times = args[0] === '--times' ? Number(args.splice(0, 2)[1]) : 3;
if (!(times >= 1) || args.length === 0) {
  console.error('usage: node test/support/busy-machine.cjs [--times N] COMMAND ARGS...');
  process.exit(2);
}

// they end by themselves when this process has: it may be killed
const BURN =
  'for (let turn = 0; process.ppid === Number(process.argv[1]); turn++) for (let i = 0; i < 1e7; i++);';
const burning = Array.from({ length: availableParallelism() }, () =>
  spawn(process.execPath, ['-e', BURN, String(process.pid)], { stdio: 'ignore' }),
);
let status = 0;
for (let time = 1; time <= times && status === 0; time++) {
  const began = Date.now();
  const [command, ...rest] = args;
  const { status: code, signal, error } = spawnSync(command, rest, { stdio: 'inherit' });
  status = code ?? 1;
  const end = error?.message ?? signal ?? `exit code ${code}`;
  console.error(
    `busy-machine: time ${time} of ${times}: ${end} after ${Math.round((Date.now() - began) / 1000)} s`,
  );
}
for (const child of burning) child.kill('SIGKILL');
process.exitCode = status;
