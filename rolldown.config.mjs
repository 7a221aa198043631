/**
 * What the package runs: a file for each way in and for each thread, and what they share beside them. One file is read
 * in less time than the hundred that it was written in, and every program and every connection begins by that.
 */
import { readFileSync } from 'node:fs';
import { defineConfig } from 'rolldown';

const json = (file) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
const { dependencies } = json('package.json');
const { target } = json('tsconfig.json').compilerOptions;
const faces = ['src/index', 'src/compat/amqpy', 'src/compat/pika'];
const threads = ['worker/connection/thread', 'worker/broker/thread'];

/** For `import`: the names of the same modules. */
const forImport = {
  name: 'for-import',
  generateBundle() {
    for (const face of faces) {
      this.emitFile({ type: 'asset', fileName: `${face}.mjs`, source: readFileSync(`${face}.mts`) });
    }
  },
};

export default defineConfig({
  input: Object.fromEntries([...faces, ...threads, 'bin/amqp-sync'].map((path) => [path, `${path}.ts`])),
  platform: 'node',
  external: Object.keys(dependencies),
  plugins: [forImport],
  transform: { target: target.toLowerCase() }, // rolldown takes the rest of tsconfig.json by itself, but not this
  output: {
    dir: 'dist',
    format: 'cjs',
    sourcemap: true, // with the sources, which are not in the package themselves
    keepNames: true, // `Channel` is the name of more than one class
    chunkFileNames: 'src/shared/[name].js', // as deep as src/bridge, which finds the threads by that
  },
});
