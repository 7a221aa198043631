/**
 * Where jest finds a module: a file of the library in the copy of it that is JavaScript (built.ts), where its workers are
 * JavaScript, too; everything else where it always does.
 */
const { join, sep } = require('node:path');

const ROOT = join(__dirname, '..', '..');
const LIBRARY = ['src', 'worker', 'bin'].map((folder) => join(ROOT, folder) + sep);

module.exports = (request, options) => {
  const file = options.defaultResolver(request, options);
  if (!file.endsWith('.ts') || !LIBRARY.some((folder) => file.startsWith(folder))) return file;
  return join(process.env.AMQP_SYNC_BUILT, 'modules', `${file.slice(ROOT.length, -'.ts'.length)}.js`);
};
