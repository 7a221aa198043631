/**
 * Where jest finds a module: a file of the library in the copy of it that is JavaScript (built.ts), where its workers are
 * JavaScript, too; everything else where it always does.
 */
const { join, sep } = require('node:path');

const ROOT = join(__dirname, '..', '..');
const LIBRARY = ['src', 'worker', 'bin'].map((folder) => join(ROOT, folder) + sep);

module.exports = (request, options) => {
  const file = options.defaultResolver(request, options);
  if (!file.endsWith('.ts')) return file;
  const copy = process.env.AMQP_SYNC_BUILT;
  const javascript = (path) => path.replace(/\.ts$/, '.js');
  if (file.startsWith(copy + sep)) return javascript(file); // beside it is what its source map leads to
  return LIBRARY.some((folder) => file.startsWith(folder))
    ? javascript(join(copy, file.slice(ROOT.length)))
    : file;
};
