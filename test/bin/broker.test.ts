/** `amqp-sync broker`: the embedded broker alone, as a process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect } from '../../src';
import { build } from '../support/built';
import { cli } from '../support/programs/cli';
import '../support/connect';

const CEILING = 120_000;

test(
  'the broker prints its URL, serves whoever may log in, and ends with SIGTERM',
  async () => {
    const file = join(build(), 'bin', 'amqp-sync.js');
    const args = [file, 'broker', '--port', '0', '--user', 'app:secret', '--vhost', '/orders'];
    args.push('--permit', 'transient_nonexcl_queues');
    const child = spawn(process.execPath, args, { timeout: CEILING, killSignal: 'SIGKILL' });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { host } = new URL(line);
    const url = `amqp://app:secret@${host}/%2Forders`;
    using connection = connect(url, { connectTimeout: CEILING, callTimeout: CEILING });
    const queue = connection.defaultChannel.declareQueue('tasks');
    queue.publish('one');
    expect(queue.get({ noAck: true })?.text).toBe('one');
    connection.defaultChannel.queueDeclare('transient', { durable: false });
    expect(cli(['ping', '--url', `amqp://guest:guest@${host}/`]).status).toBe(1);
    connection.close();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  },
  2 * CEILING,
);

test('a port that is taken, a user without a password, and a feature that is none, are errors', () => {
  const taken = new URL(process.env.AMQP_URL!).port;
  expect(cli(['broker', '--port', taken])).toMatchObject({ status: 1 });
  expect(cli(['broker', '--user', 'app'])).toMatchObject({ status: 64 });
  const unknown = cli(['broker', '--port', '0', '--permit', 'everything']);
  expect(unknown.status).toBe(64);
  expect(`${unknown.stderr}`).toContain(
    'permit must be global_qos or queue_master_locator or transient_nonexcl_queues',
  );
});
