/**
 * What the package runs: a file for each way in and for each thread, and what the ways in share beside them. One file is
 * read in less time than the hundred that it was virtual in, and every program and every connection begins by that.
 * Each build stands alone: what one file loads late is wrapped in functions for all files of its build, and compiled twice.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { defineConfig } from 'rolldown';

const json = (file) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
const { dependencies, peerDependencies } = json('package.json');
const { target } = json('tsconfig.json').compilerOptions;
const faces = ['src/index', 'src/compat/amqpy', 'src/compat/pika', 'src/opentelemetry'];
/** A folder as deep as src/bridge, which finds the threads by that. */
const SHARED = 'src/shared';
const SYNCKIT = dirname(dirname(createRequire(import.meta.url).resolve('synckit')));
/** Files of synckit that stay what they are: Node loads them into a new worker ahead of the worker's own. */
const PRELOADED = ['register.cjs', 'shared.cjs'];
/** Virtual modules: the part of synckit that main needs, and none of what is for workers in ES modules, half of its time. */
const virtual = {
  'start-worker-thread': `export { startWorkerThread } from 'synckit';`,
  '@dual-bundle/import-meta-resolve': `export const moduleResolve = undefined; // for workers that are ES modules`,
};

/** The requests that `isExternal` knows stay requests, of a file in `folder` of what is built. */
const external = (isExternal, folder) => ({
  name: 'external',
  resolveId(id, importer) {
    return isExternal(id, importer) ? { id: `${folder}/${basename(id)}`, external: true } : undefined;
  },
});
const preloaded = (folder) =>
  external((id, importer) => importer?.startsWith(SYNCKIT) && PRELOADED.includes(basename(id)), folder);

const virtualModules = {
  name: 'virtual-modules',
  resolveId: (id) => (id in virtual ? `\0${id}` : undefined),
  load: (id) => virtual[id.slice(1)],
};

const copied = (files) => ({
  name: 'copied',
  generateBundle() {
    for (const [fileName, from] of files)
      this.emitFile({ type: 'asset', fileName, source: readFileSync(from) });
  },
});

/** Text of one byte a character is compiled in less time, and kept in half the memory. No line moves. */
const ascii = {
  name: 'ascii',
  renderChunk: (code) => ({ code: code.replace(/[\u0080-\uffff]/g, escaped), map: null }),
};
const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The default export stands last: to what vitest takes for it when it reads CommonJS itself, it adds what is exported behind it. */
const defaultLast = {
  name: 'default-last',
  renderChunk(code) {
    const [found] = /^Object\.defineProperty\(exports, "default", \{\n(?:\s.*\n)+\}\);\n/m.exec(code) ?? [];
    return found === undefined ? null : { code: `${code.replace(found, '').trimEnd()}\n${found}`, map: null };
  },
};

const build = (input, plugins) => ({
  input,
  platform: 'node',
  external: Object.keys({ ...dependencies, ...peerDependencies }),
  plugins: [...plugins, defaultLast, ascii],
  transform: { target: target.toLowerCase() }, // rolldown takes the rest of tsconfig.json by itself, but not this
  output: {
    dir: 'dist',
    format: 'cjs',
    sourcemap: true, // with the sources, which are not in the package themselves
    sourcemapPathTransform: (source) => source.replace(/^.*(?=node_modules\/)/, ''),
    comments: false, // they are in the source maps
    keepNames: true, // `Channel` is the name of more than one class
    chunkFileNames: `${SHARED}/[name].js`,
    codeSplitting: { groups: [{ name: 'library', test: /\/src\/(?!compat\/)/, minShareCount: 2 }] }, // one file, whoever shares it
  },
});
const from = (...paths) => Object.fromEntries(paths.map((path) => [path, `${path}.ts`]));

export default defineConfig([
  build(from(...faces), [
    external((id) => id === 'synckit', '.'),
    copied(faces.map((face) => [`${face}.mjs`, `${face}.mts`])), // for `import`: the names of the same modules
  ]),
  build({ [`${SHARED}/synckit`]: 'start-worker-thread' }, [
    virtualModules,
    preloaded('..'),
    copied([
      ...PRELOADED.map((name) => [`src/${name}`, join(SYNCKIT, name)]),
      [`${SHARED}/synckit.LICENSE`, join(SYNCKIT, 'LICENSE')], // @pkgr/core, of the same authors and licence, has no such file
    ]),
  ]),
  build(from('worker/connection/thread'), [virtualModules, preloaded('../../src')]),
  build(from('worker/broker/thread'), [virtualModules, preloaded('../../src')]),
  build(from('bin/amqp-sync'), [external((id) => /^(\.\.\/)+src\/index$/.test(id), '../src')]),
]);
