/** The flags that rabbitmq-c's tools (Debian: amqp-tools) have, too: both do the same with them. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { channel, queue, useQueue } from '../support/channel';
import { count, fill, takeAll, unique } from '../support/connect';
import { cli } from '../support/programs/cli';

const url = new URL(process.env.AMQP_URL!);

interface End {
  status: number | null;
  stdout: string;
}

/** A tool of theirs, and the same of ours. */
const BOTH: Record<string, (verb: string, args: readonly string[], input?: string) => End> = {
  theirs: (verb, args, input = '') => ended(spawnSync(`amqp-${verb}`, args, { input, timeout: CEILING })),
  ours: (verb, args, input = '') => ended(cli([verb, ...args], { input })),
};

function ended({ status, stdout, error }: SpawnSyncReturns<Buffer>): End {
  if (error !== undefined) throw error;
  return { status, stdout: stdout.toString() };
}

const AT_URL = ['-u', url.href];
/** Milliseconds after which one of them is killed, or a test fails: far more than it takes. */
const CEILING = 300_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-tools-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
useQueue();

/** The outcomes of both are the same. */
function same(what: (run: (typeof BOTH)[string]) => unknown): void {
  const [theirs, ours] = [what(BOTH.theirs!), what(BOTH.ours!)];
  expect(ours).toEqual(theirs);
}

/** A path that cannot be run counts as none. */
const hasTools = spawnSync('amqp-publish', ['--help']).error === undefined;

(hasTools ? describe : describe.skip)('together with amqp-tools', () => {
  it.each<[string, string[], string]>([
    ['stdin', [], 'one\ntwo\n'],
    ['a body', ['-b', 'one'], ''],
    ['lines', ['-l'], 'one\ntwo\nthree'],
    ['all that a message may have', '-p -C text/plain -E gzip -t answers'.split(' '), 'x'],
    ['headers', ['-H', 'a: b', '-H', 'n:5', '-H', 'c:  d: e '], 'x'],
  ])(
    'publish does with %s what amqp-publish does',
    (_what, args, input) => {
      same((run) => {
        const { status } = run('publish', [...AT_URL, '-r', queue, ...args], input);
        const messages = [];
        for (
          let message = channel.basicGet(queue, { noAck: true });
          message !== null;
          message = channel.basicGet(queue, { noAck: true })
        ) {
          // theirs says 1 where ours says nothing, which is the same to a broker
          const { deliveryMode = 1, ...properties } = message.properties;
          messages.push([message.text, { ...properties, deliveryMode }]);
        }
        return [status, messages];
      });
    },
    CEILING,
  );

  it(
    'publish to an exchange that is missing ends with 1',
    () => {
      same((run) => run('publish', [...AT_URL, '-e', unique('missing'), '-r', 'x', '-b', 'x']).status);
    },
    CEILING,
  );

  it(
    'get ends with 0 and the body, with 2 when the queue is empty, with 1 when it is missing',
    () => {
      same((run) => {
        fill(channel, queue, 'one');
        const first = run('get', [...AT_URL, '-q', queue]);
        return [
          first,
          run('get', [...AT_URL, '-q', queue]),
          run('get', [...AT_URL, '-q', unique('missing')]),
          count(channel, queue),
        ];
      });
    },
    CEILING,
  );

  it(
    'get without a broker ends with 1',
    () => {
      same((run) => run('get', ['-u', 'amqp://127.0.0.1:1', '-q', queue]).status);
    },
    CEILING,
  );

  it(
    'consume runs a command for each message, so many, and what fails is not acked',
    () => {
      same((run) => {
        fill(channel, queue, 'good', 'bad', 'good');
        const script = join(folder, 'work.sh');
        writeFileSync(script, 'body=$(cat); echo "$body"; test "$body" = good\n');
        const { stdout } = run('consume', [...AT_URL, '-q', queue, '-c', '3', '-p', '10', 'sh', script]);
        return [stdout, takeAll(channel, queue)];
      });
    },
    CEILING,
  );

  it(
    'consume -A does what amqp-consume -A does',
    () => {
      same((run) => {
        fill(channel, queue, 'one', 'two');
        const { status, stdout } = run('consume', [...AT_URL, '-q', queue, '-A', '-c', '1', 'cat']);
        channel.queuePurge(queue);
        return [status, stdout];
      });
    },
    CEILING,
  );

  it(
    'declare-queue -d and delete-queue -e --if-unused do what the tools of those names do',
    () => {
      same((run) => {
        const name = unique('tools');
        const declared = run('declare-queue', [...AT_URL, '-q', name, '-d']);
        fill(channel, name, 'x');
        const other = run('declare-queue', [...AT_URL, '-q', name]);
        const full = run('delete-queue', [...AT_URL, '-q', name, '-e']);
        const unused = run('delete-queue', [...AT_URL, '-q', name, '--if-unused']);
        return [declared.stdout.replace(name, 'NAME'), declared.status, other, full, unused];
      });
    },
    CEILING,
  );

  it(
    'the broker can be given by its parts, and by a file with the credentials',
    () => {
      const authfile = join(folder, 'credentials');
      writeFileSync(authfile, `username:${url.username}\npassword:${url.password}\n`);
      const wrong = join(folder, 'wrong');
      writeFileSync(wrong, 'guest\nguest\n');
      const server = ['-s', url.hostname, '--port', url.port, '--vhost', '/'];
      const user = ['--username', url.username, '--password', url.password];
      same((run) => {
        fill(channel, queue, 'one', 'two');
        return [
          run('get', [...server, ...user, '--heartbeat', '5', '-q', queue]),
          run('get', [...server, '--authfile', authfile, '-q', queue]),
          run('get', [...server, '--authfile', wrong, '-q', queue]).status,
          run('get', [...server, '--username', url.username, '--password', 'wrong', '-q', queue]).status,
        ];
      });
    },
    CEILING,
  );
});
