/** Characters that others have put into a message do nothing to the terminal that shows it. */
import { build } from '../support/built';
import { channel, queue, useQueue } from '../support/channel';
import { cli, shell } from '../support/programs/cli';

const HOSTILE = '\x1b]0;title\x07 \x9b31m \u202e\r\n\tend\r!';
const SHOWN = '\\x1b]0;title\\x07 \\x9b31m \\u202e\r\n\tend\\x0d!';

useQueue();
beforeEach(() => {
  channel.basicPublish(HOSTILE, { routingKey: queue, headers: { key: HOSTILE } });
});

/** Run it on a terminal, which makes \r\n of \n. */
const onTerminal = (...args: string[]) =>
  shell(
    `script -qec '${process.execPath} ${build()}/bin/amqp-sync.js ${args.join(' ')}' /dev/null`,
  ).stdout.toString();

it('a body is shown with what is unsafe spelled out; text and lines are as they are', () => {
  expect(onTerminal('get', queue)).toBe(`${SHOWN.replace('\n', '\r\n').replace('\r\r', '\r\r')}\r\n`);
});

it('a program gets the bytes of a body as they are', () => {
  expect(cli(['get', queue]).stdout.toString()).toBe(HOSTILE);
});

it('JSON is escaped as JSON has it', () => {
  const text = onTerminal('get', queue, '--json');
  expect(text.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(text)).toMatchObject({ body: HOSTILE, properties: { headers: { key: HOSTILE } } });
});

it('an error on stderr has what is unsafe spelled out, too', () => {
  const { stderr } = cli(['get', 'missing\x1b[2J\u009bA']);
  expect(stderr.toString()).toMatch(/missing\\x1b\[2J\\x9bA/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
  expect(stderr.toString()).not.toMatch(/[\x1b\x9b]/);
});
