/** How messages are printed: --format, --verbose, and --json with --parse. */
import { typed } from '../../src';
import { channel, queue, useQueue } from '../support/channel';
import { count, fill, takeAll, unique } from '../support/connect';
import { cli, out, said, shell, started, until } from '../support/programs/cli';

useQueue();

describe('--format', () => {
  const printed = (format: string, ...more: string[]) => out(['get', queue, '--format', format, ...more]);

  it('has all of a message, in the letters of kcat and some more', () => {
    channel.basicPublish('the body', {
      routingKey: queue,
      headers: { host: 'web-1', n: typed.int16(5) },
      timestamp: new Date(1_700_000_000_000),
      messageId: 'm1',
    });
    const format = '%e|%k|%h|%T|%S|%d|%r|%o|%{messageId}|%{headers.host}|%{headers.n}|%{routingKey}|%s';
    expect(printed(format)).toBe(
      `|${queue}|{"host":"web-1","n":{"$int16":5}}|2023-11-14T22:13:20.000Z|8|1|false||m1|web-1|5|${queue}|the body`,
    );
  });

  it('has escapes and percent signs, adds nothing, and leaves out what a message has not', () => {
    fill(channel, queue, 'a', 'b');
    expect(printed('%s\\t%%\\x41\\\\[%T%{headers.x}%{type}]\\n', '-c', '2')).toBe('a\t%A\\[]\nb\t%A\\[]\n');
  });

  it('has all properties as JSON, and tables of headers', () => {
    channel.basicPublish('x', { routingKey: queue, headers: { table: { a: [1, null] } }, priority: 3 });
    expect(printed('%p\\n%{headers.table}')).toBe(
      '{"contentEncoding":"utf-8","headers":{"table":{"a":[1,null]}},"priority":3}\n{"a":[1,null]}',
    );
  });

  it('has bytes as they are: of the body, and of headers that are no UTF-8', () => {
    const bytes = Buffer.of(0, 0xff, 0x80, 0x0a);
    channel.basicPublish(bytes, {
      routingKey: queue,
      headers: { text: typed.string(Buffer.of(0xff)), bytes: typed.bytes(Buffer.of(0xfe)) },
    });
    const { stdout } = cli(['get', queue, '--format', '%s%{headers.text}%{headers.bytes}\\0']);
    expect(stdout).toEqual(Buffer.concat([bytes, Buffer.of(0xff, 0xfe, 0)]));
  });

  it('is there for consume and tail, too', async () => {
    fill(channel, queue, 'one', 'two');
    expect(out(['consume', queue, '-c', '2', '--format', '%d:%s '])).toBe('1:one 2:two ');
    const exchange = unique('exchange');
    channel.exchangeDeclare(exchange, 'topic', { autoDelete: true });
    const tail = started('tail', exchange, '-c', '1', '--format', '%e %k %s');
    channel.confirmSelect();
    await until(() => {
      const [result] = channel.publishBatch(['x'], { exchange, routingKey: 'a.b', mandatory: true });
      return result!.status === 'acked';
    }, tail);
    expect((await tail.end).stdout).toBe(`${exchange} a.b x`);
  });

  it.each([
    ['%q', 'There is no %q: it may have %s %S'],
    ['100%', 'There is no %:'],
    ['%{nothing}', 'There is no field for %{nothing}: one is exchange, key, body'],
    ['%{headers.}', 'There is no field for %{headers.}'],
    ['\\q', 'There is no \\q: it may have \\n'],
  ])('%s is wrong usage, before anything is taken', (format, text) => {
    fill(channel, queue, 'x');
    expect(said('get', queue, '--format', format)).toEqual([64, expect.stringContaining(text)]);
    expect(count(channel, queue)).toBe(1);
  });
});

describe('--verbose', () => {
  it('says on stderr what else there is to know, before the message', () => {
    channel.basicPublish('x', { routingKey: queue, messageId: 'm1' });
    fill(channel, queue, 'yy');
    const { stdout, stderr } = cli(['get', queue, '-v', '-c', '2', '--lines']);
    expect(stdout.toString()).toBe('x\nyy\n');
    expect(stderr.toString()).toBe(
      `message 1: exchange "", key "${queue}", 1 bytes, {"contentEncoding":"utf-8","messageId":"m1"}\n` +
        `message 2: exchange "", key "${queue}", 2 bytes, {"contentEncoding":"utf-8"}\n`,
    );
  });

  it('says it before a command runs, too, and whether the message has been delivered before', () => {
    fill(channel, queue, 'x');
    channel.basicGet(queue)!.nack();
    const { stdout, stderr } = cli(['consume', queue, '-v', '-c', '1', '--', 'cat']);
    expect([stdout.toString(), stderr.toString()]).toEqual([
      'x',
      `message 1: exchange "", key "${queue}", 1 bytes, redelivered, {"contentEncoding":"utf-8"}\n`,
    ]);
  });
});

describe('--json --parse', () => {
  it.each([
    [
      'an object, with its numbers as they are spelled',
      '{"a": 1.0, "b": 12345678901234567890, "2": 1, "1": 2}',
    ],
    ['a list', '[1,2]'],
    ['a number', '5'],
    ['true', 'true'],
    ['null', 'null'],
    ['keys that are the names of fields', '{"body":{"body":"]}"},"x":"\\"body\\":"}'],
    ['a text in JSON, which stays text', '"text"'],
    ['plain text', 'text'],
    ['what only begins as JSON', '{"a"'],
    ['nothing', ''],
  ])('%s: publish --json takes it back, byte for byte', (_what, body) => {
    channel.basicPublish(body, { routingKey: queue, headers: { body: 'not this' } });
    const line = out(['get', queue, '--json', '--parse']);
    let isParsed = true;
    try {
      isParsed = typeof JSON.parse(body) !== 'string';
    } catch {
      isParsed = false;
    }
    expect(JSON.parse(line).body).toEqual(isParsed ? JSON.parse(body) : body);
    if (isParsed) expect(line).toContain(`"body":${body}}`);
    out(['publish', '-r', queue, '--json'], { input: line });
    expect(takeAll(channel, queue)).toEqual([body]);
  });

  it('line breaks between values become spaces, those inside stay what they are', () => {
    fill(channel, queue, '{\n  "a": "\\n"\r\n}\n');
    const line = out(['get', queue, '--parse']);
    expect(line.split('\n')).toHaveLength(2);
    out(['publish', '-r', queue, '--json'], { input: line });
    expect(takeAll(channel, queue)).toEqual(['{   "a": "\\n" }']);
  });

  it('bytes are bytes', () => {
    channel.basicPublish(Buffer.of(0xff), { routingKey: queue });
    expect(JSON.parse(out(['get', queue, '--parse']))).toMatchObject({ bodyBase64: '/w==' });
  });

  it('JSON of other tools is published as they write it', () => {
    const input =
      '{"properties":{},"body": {"b":[1.50,"x,}"],"a":{}} ,"routingKey":"elsewhere"}\n{"body":-0}\n';
    out(['publish', '-r', queue, '--json'], { input });
    expect(takeAll(channel, queue)).toEqual(['{"b":[1.50,"x,}"],"a":{}}', '-0']);
  });

  it('goes through another program and back', () => {
    fill(channel, queue, '{"n":1}');
    const line = `amqp-sync get ${queue} --parse | sed 's/"n":1/"n":2/' | amqp-sync publish --json`;
    expect(shell(line)).toMatchObject({ status: 0 });
    expect(takeAll(channel, queue)).toEqual(['{"n":2}']);
  });
});
