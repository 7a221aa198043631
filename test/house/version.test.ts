import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../../src/version';

function read(file: string): string {
  return readFileSync(join(__dirname, '..', '..', file), 'utf8');
}

test('src/version.ts says what package.json says', () => {
  expect(version).toBe(JSON.parse(read('package.json')).version);
});

test('CHANGELOG.md has a heading for this version', () => {
  const headings = read('CHANGELOG.md').match(/^## .*$/gm) ?? [];
  expect(headings.map((heading) => /\d+\.\d+\.\d+[\w.-]*/.exec(heading)?.[0])).toContain(version);
});
