import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../support/built';
import { unique } from '../support/connect';

/** The README's JavaScript, in order, in one process: what a new user would type. */
const root = join(__dirname, '..', '..');
const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```js\n(.*?)```/gs)].map(
  (match) => match[1]!,
);

/** Its queues and its exchange, which have other names here: those of other files of tests may be the same. */
const NAMES = ['tasks', 'orders', 'replies', 'shop'];

function run(script: string): string {
  const source = NAMES.reduce(
    (text, name) => text.replaceAll(`'${name}'`, JSON.stringify(unique(name))),
    script.replaceAll("'amqp-sync'", JSON.stringify(join(build(), 'src'))),
  );
  return execFileSync(process.execPath, ['-e', source], { encoding: 'utf8', timeout: 150_000 });
}

describe('the README', () => {
  it('opens with a script that works as it stands, with the broker of this test run for localhost', () => {
    const url = JSON.stringify(process.env.AMQP_URL);
    expect(run(blocks[0]!.replace("'amqp://localhost'", url))).toBe('hello\n');
  });

  it('shows five minutes of code that work one after the other', () => {
    const script = blocks
      .slice(1)
      .map((block, index) => (index === 0 ? block : block.replace(/^const channel =.*$/m, '')));
    const open = `const connection = require('amqp-sync').connect();\n`;
    const tidy = `for (const queue of ['tasks', 'orders', 'replies']) channel.queueDelete(queue);
      channel.exchangeDelete('shop'); connection.close();`;
    const output = run(open + script.join('\n') + tidy);
    expect(output).toContain('order 1');
    expect(output).toContain(`[ 'acked', 'acked', 'acked' ]`);
    expect(output).toContain('{"id":1} false');
    expect(output).toContain('true\nNOT_FOUND 404 basic.get\ntrue');
  });
});
