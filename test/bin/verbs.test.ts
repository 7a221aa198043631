/** The verbs but those that carry messages, and what holds for each: help, wrong usage, hints. */
import { spawnSync } from 'node:child_process';
import { VERBS } from '../../bin/verbs';
import { NotFoundError } from '../../src';
import { version } from '../../src/version';
import { channel, useChannel } from '../support/channel';
import { fill, shared, sharedQueue, takeAll, thrownBy, unique } from '../support/connect';
import { cli, isConsumed, out, said, started, until } from '../support/programs/cli';

useChannel();

describe('queues and exchanges', () => {
  it('declare-queue prints the name, as it is or as the broker makes it; --passive what is in it', () => {
    const queue = unique('cli');
    expect(out(['declare-queue', '-q', queue, '-d'])).toBe(`${queue}\n`);
    fill(channel, queue, 'x');
    expect(out(['declare-queue', queue, '--passive'])).toBe('1 messages, 0 consumers\n');
    const { messageCount } = JSON.parse(out(['declare-queue', queue, '--passive', '--json']));
    expect(messageCount).toBe(1);
    expect(out(['purge', queue])).toBe('1\n');
    fill(channel, queue, 'x');
    expect(said('delete-queue', queue, '--if-empty')).toEqual([
      1,
      expect.stringMatching(/406.* not empty\n$/),
    ]);
    expect(out(['delete-queue', '-q', queue])).toBe('1\n');
    expect(out(['delete-queue', queue])).toBe('0\n');
    const made = out(['declare-queue', '-d', '--auto-delete']).trim();
    expect(made).toMatch(/^amq\.gen-/);
    channel.queueDelete(made);
  });

  it('declare-queue with a type and arguments; declared otherwise it says what differs', () => {
    const queue = unique('cli');
    out([
      'declare-queue',
      queue,
      '--type',
      'quorum',
      '-a',
      'x-delivery-limit:=3',
      '-a',
      'x-dead-letter-exchange: dead',
    ]);
    channel.queueDeclare(queue, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 3, 'x-dead-letter-exchange': 'dead' },
    });
    expect(said('declare-queue', queue, '-d')).toEqual([
      1,
      expect.stringMatching(/406 PRECONDITION_FAILED.*; declare it as it is, or delete it first\n$/),
    ]);
    channel.queueDelete(queue);
    channel.queueDeclare(queue, { durable: true, arguments: { 'x-dead-letter-exchange': '' } });
    expect(said('declare-queue', queue, '-d', '-a', 'x-dead-letter-exchange: x')).toEqual([
      1,
      expect.stringContaining("got x-dead-letter-exchange: ''"),
    ]);
    channel.queueDelete(queue);
  });

  it('are declared, bound, unbound and deleted by declare-exchange, bind, unbind, delete-exchange', () => {
    const [exchange, other, queue] = [unique('cli'), unique('cli'), sharedQueue(channel)];
    expect(out(['declare-exchange', exchange, 'topic'])).toBe(`${exchange}\n`);
    out(['declare-exchange', '-e', other, '--type', 'fanout', '--internal']);
    out(['bind', queue, exchange, 'a.*', 'b.*']);
    out(['bind', '-e', exchange, '--to-exchange', other, '-r', 'c']);
    channel.queueBind(queue, other);
    for (const routingKey of ['a.1', 'b.2', 'c', 'd'])
      channel.basicPublish(routingKey, { exchange, routingKey });
    expect(takeAll(channel, queue)).toEqual(['a.1', 'b.2', 'c']);
    out(['unbind', exchange, '-q', queue, '-r', 'a.*']);
    out(['bind', '-e', exchange, '-q', queue, '-r', 'e,f', 'g']);
    out(['unbind', queue, exchange, 'e', '-r', 'f,g']);
    out(['bind', queue, '-e', exchange]);
    out(['unbind', queue, exchange]);
    channel.basicPublish('no', { exchange, routingKey: 'a.1' });
    channel.basicPublish('yes', { exchange, routingKey: 'b.1' });
    expect(takeAll(channel, queue)).toEqual(['yes']);
    expect(said('bind', exchange, queue)).toEqual([
      1,
      expect.stringMatching(/404 NOT_FOUND.*; the queue comes first, then the exchange\n$/),
    ]);
    expect(said('unbind', queue, exchange, 'never')).toEqual([0, '']);
    expect(said('unbind', exchange, queue)).toEqual([
      0,
      `there is no exchange "${queue}", so nothing is bound; the queue comes first, then the exchange\n` +
        `there is no queue "${exchange}", so nothing is bound; the queue comes first, then the exchange\n`,
    ]);
    expect(said('unbind', '--to-exchange', queue, exchange)).toEqual([
      0,
      `there is no exchange "${queue}", so nothing is bound\n`,
    ]);
    expect(said('delete-exchange', exchange, '--if-unused')).toEqual([
      1,
      expect.stringMatching(/406.* in use\n$/),
    ]);
    out(['delete-exchange', exchange]);
    out(['delete-exchange', other]);
    const gone = shared().channel();
    expect(thrownBy(() => gone.exchangeDeclare(exchange, 'topic', { passive: true }))).toBeInstanceOf(
      NotFoundError,
    );
    channel.queueDelete(queue);
  });

  it('a headers exchange is bound with arguments', () => {
    const [exchange, queue] = [unique('cli'), sharedQueue(channel)];
    channel.exchangeDeclare(exchange, 'headers', { autoDelete: true });
    out(['bind', queue, exchange, '-a', 'x-match: all', '-a', 'n:=5']);
    channel.basicPublish('yes', { exchange, headers: { n: 5 } });
    channel.basicPublish('no', { exchange, headers: { n: 6 } });
    expect(takeAll(channel, queue)).toEqual(['yes']);
    channel.queueDelete(queue);
  });
});

describe('streams', () => {
  let stream: string;
  beforeEach(() => {
    stream = unique('stream');
    channel.queueDeclare(stream, { durable: true, arguments: { 'x-queue-type': 'stream' } });
    channel.confirmSelect();
    channel.publishBatch(
      ['a', 'b', 'c', 'd', 'e'].map((body) => ({ body, headers: { body } })),
      { routingKey: stream },
    );
  });
  afterEach(() => {
    using last = shared().channel();
    last.queueDelete(stream);
  });

  it('consume and tail read them from --offset on, again and again', () => {
    const soon = ['--timeout', '1s', '--lines'];
    expect(out(['consume', stream, '--offset', 'first', ...soon])).toBe('a\nb\nc\nd\ne\n');
    expect(out(['consume', stream, '--offset', '2', '-c', '2', '--format', '%o %s\\n'])).toBe('2 c\n3 d\n');
    expect(out(['tail', '-q', stream, '--offset', '1h', '-c', '1', '--lines'])).toBe('a\n');
    expect(out(['tail', '-q', stream, '--offset', '2020-01-01', '-c', '5', '-0'])).toBe('a\0b\0c\0d\0e\0');
    expect(said('tail', '-q', stream, '--timeout', '200ms')).toEqual([2, '']);
  });

  it('shovel and save read them from --offset on, with conditions, and leave them', () => {
    const to = sharedQueue(channel);
    out(['shovel', stream, to, '--offset', '1']);
    out(['shovel', stream, to, '--offset', 'first', '--where', 'headers.body=c']);
    expect(takeAll(channel, to)).toEqual(['b', 'c', 'd', 'e', 'c']);
    expect(out(['consume', stream, '--offset', 'first', '-c', '5'])).toBe('abcde');
    channel.queueDelete(to);
  });

  it('a queue that is none is said so, and keeps what it has', () => {
    const queue = sharedQueue(channel);
    fill(channel, queue, 'x');
    for (const args of [
      ['consume', queue],
      ['tail', '-q', queue],
      ['shovel', queue, 'elsewhere'],
    ])
      expect(said(...args, '--offset', 'first')).toEqual([
        1,
        `amqp-sync: "${queue}" is no stream, and --offset is for streams\n`,
      ]);
    expect(takeAll(channel, queue)).toEqual(['x']);
    channel.queueDelete(queue);
  });
});

describe('rpc', () => {
  it('a command serves what another calls', async () => {
    const name = unique('upper');
    const server = started('rpc', name, '-c', '2', '--', 'tr', 'a-z', 'A-Z');
    await until(() => isConsumed(name), server);
    expect(out(['rpc', name, 'hello'])).toBe('HELLO');
    expect(out(['rpc', '-r', name], { input: 'again\n' })).toBe('AGAIN\n');
    expect(await server.end).toMatchObject({ status: 0, stdout: '' });
  });

  it('a command that fails is the caller’s error; a procedure that nobody serves fails at once', async () => {
    const name = unique('fails');
    const server = started('rpc', name, '-c', '1', '--', 'sh', '-c', 'exit 7');
    await until(() => isConsumed(name), server);
    expect(said('rpc', name, 'x')).toEqual([1, expect.stringMatching(/^amqp-sync: .*exit status 7.*\n$/)]);
    expect((await server.end).stderr).toContain('amqp-sync: call 1: sh: exit status 7\n');
    const [status, text] = said('rpc', name, 'x');
    expect([status, text]).toEqual([5, expect.stringContaining('nobody serves it')]);
    expect(text).not.toContain('--no-mandatory');
    expect(out(['rpc', '--help'])).not.toMatch(/--(reply-to|correlation-id|type)/);
  });

  it('ends with 3 for a call without an answer in time', () => {
    const queue = sharedQueue(channel);
    expect(said('rpc', queue, 'x', '--timeout', '2s')).toEqual([
      3,
      expect.stringContaining('within 2000 ms'),
    ]);
    channel.queueDelete(queue);
  });
});

describe('the broker', () => {
  it('answers ping, and info', () => {
    expect(out(['ping'])).toMatch(/^open after \d+ ms\n$/);
    expect(out(['info'])).toMatch(/^product +(RabbitMQ|amqp-sync)$/m);
    expect(JSON.parse(out(['info', '--json']))).toMatchObject({
      product: expect.stringMatching(/^(RabbitMQ|amqp-sync)$/),
      frameMax: 131_072,
      capabilities: { publisher_confirms: true },
    });
  });

  it('is waited for by ping --wait, which tries again, and gives up', () => {
    const began = performance.now();
    expect(said('ping', '--url', 'amqp://127.0.0.1:1', '--wait', '1s')).toEqual([
      1,
      expect.stringMatching(
        /ECONNREFUSED.*; is the broker running there\? Say where with --url or AMQP_URL\n$/,
      ),
    ]);
    expect(performance.now() - began).toBeGreaterThan(700);
  });

  it('that refuses a password is not tried again, and the password is not shown', () => {
    const url = process.env.AMQP_URL!.replace('guest:guest', 'guest:secret1');
    const [status, text] = said('ping', '--url', url, '--wait', '20s');
    expect([status, text]).toEqual([1, expect.stringContaining('check the user name and the password')]);
    expect(text).not.toContain('secret1');
  });

  it('is measured by bench', () => {
    expect(JSON.parse(out(['bench', '-c', '500', '--json']))).toEqual({
      published: expect.any(Number),
      consumed: expect.any(Number),
    });
    expect(out(['bench', '-c', '500', '--no-confirm', '-A'])).toMatch(
      /^published +\d+ messages\/s\nconsumed/,
    );
  });
});

describe('usage', () => {
  it.each(Object.keys(VERBS))('%s --help has flags, remarks and examples', (verb) => {
    const help = out([verb, '--help']);
    expect(help).toContain(`Usage: amqp-sync ${verb} `);
    expect(help).toContain('\nExamples:\n  ');
    expect(help.split('\n').filter((line) => line.length > 110)).toEqual([]);
  });

  it('--version, and the help of all', () => {
    expect(out(['--version'])).toBe(`${version}\n`);
    const help = out(['--help']);
    for (const name of Object.keys(VERBS)) expect(help).toContain(`\n  ${name} `);
  });

  it.each([
    [['gett'], "unknown command 'gett' (Did you mean get?)"],
    [['get', '--cout', '1'], "unknown option '--cout' (Did you mean --count?)"],
    [['get', 'q', '-c', 'x'], 'It must be a whole number from 1'],
    [['get'], 'which queue? Give its name'],
    [['get', '-q', 'one', 'two'], '"two" is one argument too many'],
    [['consume', 'one', 'cat'], '"cat" is one argument too many; a command to run goes behind --'],
    [['get', 'one', '--', 'cat'], '"cat" is one argument too many'],
    [['--json', 'get', 'q'], '--json before the verb: only flags that say where the broker is go there'],
    [['-u', 'amqp://x'], 'which verb? amqp-sync --help has them'],
    [['-u'], "option '-u, --url <url>' argument missing"],
    [['--heartbeat', 'x', 'get', 'q'], 'It must be a whole number from 0'],
    [['consume', 'q', '--format', '%s', '--json'], 'cannot be used with'],
    [['consume', 'q', '--offset', 'soon'], 'It must be first, last, next, a number, a date'],
    [['tail', 'x', '--offset', 'first'], '--offset is for a stream: name it with --queue'],
    [['tail', '-q', 'x', 'y'], '"y" is one argument too many'],
    [['publish', '--lines', '-l'], 'cannot be used with'],
    [['publish', '-H', 'nothing'], 'It must be "key: value", or key:=json.'],
    [['publish', '-H', 'k:={'], 'What follows := must be JSON'],
    [['publish', '-H', 'k:={"$int7":1}'], 'unknown type "$int7"'],
    [['publish', '--expiration', 'soon'], 'a time with its unit, such as 500ms, 5s, 2m, 1h'],
    [
      ['consume', 'q', '--timeout', '1'],
      "'--timeout <time>' argument '1' is invalid. It must be a time with its unit",
    ],
    [['ping', '--wait', '30'], 'a time with its unit'],
    [
      ['declare-queue', 'q', '-a', 'x-max-length: 10'],
      'It would be a text: write x-max-length:=10, or x-max',
    ],
    [['declare-queue', 'q', '-a', 'x-single-active-consumer:true'], 'write x-single-active-consumer:=true'],
    [['rpc', 'q', 'x', '--reply-to', 'here'], "argument 'here' is invalid. rpc sets it itself."],
    [['rpc', 'q', 'x', '--correlation-id', '1'], "argument '1' is invalid. rpc sets it itself."],
    [['rpc', 'q', 'x', '--type', 'call'], "argument 'call' is invalid. rpc sets it itself."],
    [['shovel', 'q', 'q'], '"q" is where the messages come from'],
    [['shovel', 'q', '--to-exchange', '', '--to-routing-key', 'q'], '"q" is where the messages come from'],
    [['shovel', 'q'], 'where to? Give a queue, or --to-exchange'],
    [['ping', '--url', 'http://x'], 'the URL must start with amqp:// or amqps://'],
  ])('%j is wrong usage: 64', (args, text) => {
    const { status, stderr, stdout } = cli(args);
    expect([status, stdout.toString(), stderr.toString()]).toEqual([64, '', expect.stringContaining(text)]);
    expect(stderr.toString().trim().split('\n')).toHaveLength(1);
  });

  it('flags of the broker may stand before the verb, beside those behind it; the last wins', () => {
    const env = { AMQP_URL: '' };
    const url = process.env.AMQP_URL!;
    expect(out(['-u', url, 'ping'], { env })).toMatch(/^open after/);
    expect(out([`--url=${url}`, '--heartbeat', '30', 'info', '--json'], { env })).toContain('"heartbeat":30');
    expect(out(['-u', 'amqp://127.0.0.1:1', 'ping', '-u', url], { env })).toMatch(/^open after/);
    expect(out(['-u', url, '--version'], { env })).toBe(`${version}\n`);
    expect(out(['-u', url, 'help', 'get'], { env })).toContain('Usage: amqp-sync get');
  });

  it('what stands behind -- is an argument, where no command is run', () => {
    const queue = sharedQueue(channel);
    out(['publish', '-r', queue, '--', '--body', '-1']);
    expect(takeAll(channel, queue)).toEqual(['--body', '-1']);
    channel.queueDelete(queue);
  });

  it('completion scripts that the shells can read', () => {
    const bash = out(['completion', 'bash']);
    expect(spawnSync('bash', ['-n'], { input: bash })).toMatchObject({ status: 0 });
    const complete = `${bash}\nCOMP_WORDS=(amqp-sync publish --pri); COMP_CWORD=2; _amqp_sync; echo "\${COMPREPLY[@]}"`;
    expect(spawnSync('bash', ['-c', complete]).stdout.toString()).toBe('--priority\n');
    const behind = complete
      .replace('publish --pri', '-u amqp://x get --fo')
      .replace('COMP_CWORD=2', 'COMP_CWORD=4');
    expect(spawnSync('bash', ['-c', behind]).stdout.toString()).toBe('--format\n');
    const zsh = out(['completion', 'zsh']);
    expect(zsh).toMatch(/^#compdef amqp-sync\n/);
    const read = spawnSync('zsh', ['-n'], { input: zsh });
    if (read.error === undefined) expect([read.status, read.stderr.toString()]).toEqual([0, '']);
    expect(out(['completion', 'fish'])).toContain("-n '__fish_seen_subcommand_from get' -s c -l count -r");
    expect(cli(['completion', 'tcsh']).status).toBe(64);
  });

  it('a manual page that groff reads without complaint', () => {
    const page = out(['man']);
    for (const name of Object.keys(VERBS)) expect(page).toContain(`.SS ${name}\n`);
    expect(page).toContain('.nf\nExits with 2 if the queue is empty.\n');
    const man = spawnSync('man', ['--warnings', '-l', '-'], {
      input: page,
      env: { ...process.env, MANPAGER: 'cat', PAGER: 'cat' },
    });
    if (man.error === undefined) expect(man.stderr.toString()).toBe('');
  });
});
