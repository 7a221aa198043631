import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../../src/version';

function read(file: string): string {
  const path = join(__dirname, '..', '..', file);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

test.each(['package.json', 'package-lock.json'])('src/version.ts says what %s says', (file) => {
  expect(JSON.parse(read(file)).version).toBe(version);
});

test('CHANGELOG.md has a heading for this version', () => {
  const headings = read('CHANGELOG.md')
    .split('\n')
    .filter((line) => line.startsWith('## '));
  expect(headings.map((heading) => /\d+\.\d+\.\d+[\w.-]*/.exec(heading)?.[0])).toContain(version);
});
