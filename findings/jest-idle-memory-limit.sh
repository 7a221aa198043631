#!/usr/bin/env bash
# jest 30.5.2.
#
# `workerIdleMemoryLimit` renews a worker process between two test files once it has grown beyond the limit. What counts
# is V8's heap alone: with a limit of 150 MB, a process that keeps 200 MB of Buffers from every file runs on, to 700 MB
# after three. With 200 MB of objects on the heap it is renewed each time. Whoever tests code with large buffers or shared
# memory has to look at the size of the process in another way.
source "$(dirname "$0")/support.sh"
npm_install jest@30.5.2
cd "$folder"
echo "module.exports = { workerIdleMemoryLimit: '150MB', maxWorkers: 2 };" >jest.config.js
for file in 1 2 3 4 5 6; do
  cat >"$file.test.js" <<'JS'
const { appendFileSync } = require('node:fs');
test('keeps 200 MB', () => {
  process.kept = process.env.KIND === 'buffer' ? Buffer.alloc(200e6, 1) : Array.from({ length: 3e6 }, (_, at) => ({ at, again: [at] }));
  appendFileSync(process.env.OUT, `${process.pid} ${Math.round(process.memoryUsage().rss / 1e6)}\n`);
});
JS
done

# processes KIND: how many processes have run the six files, two at a time
processes() {
  : >"$folder/out"
  KIND=$1 OUT=$folder/out npx jest >/dev/null 2>&1
  cut -d' ' -f1 "$folder/out" | sort -u | wc -l
}

buffers=$(processes buffer)
largest=$(cut -d' ' -f2 "$folder/out" | sort -n | tail -1)
objects=$(processes object)
echo "limit 150 MB, six files on two workers: $buffers processes with 200 MB in Buffers (up to $largest MB), $objects with 200 MB of objects"
((buffers == 2 && largest > 500 && objects == 6))
