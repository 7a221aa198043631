/**
 * TypeScript to JavaScript, file by file, types unchecked: for jest, and for the copy of the library (built.ts). Both keep
 * what they are given, so the compiler is loaded when the first file is new: jest's processes rarely need it.
 * A `jest.mock` has to stand before the imports that it is for: nothing moves it there.
 */
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { basename } = require('node:path');
const { version } = require('typescript/package.json');

const self = readFileSync(__filename);

exports.process = (text, file) => {
  const { transpileModule, ModuleKind, ScriptTarget } = require('typescript');
  const { outputText: code, sourceMapText: map } = transpileModule(text, {
    compilerOptions: {
      module: ModuleKind.CommonJS,
      target: ScriptTarget.ES2022,
      esModuleInterop: true,
      sourceMap: true,
    },
    fileName: basename(file),
  });
  return { code, map };
};

/** Everything that the result depends on. */
exports.getCacheKey = (text, file, { instrument = false } = {}) => {
  const hash = createHash('sha256').update(self);
  for (const part of [version, file, text, `${instrument}`]) hash.update('\0').update(part);
  return hash.digest('hex').slice(0, 32);
};
