import { NackError, type Queue } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { eventually, takeAll, unique } from '../support/connect';
import { outcome, startExample } from '../support/programs/example';

useChannel();

const made: string[] = [];
afterEach(() => {
  using last = connection.channel();
  for (const name of made.splice(0)) last.queueDelete(name);
});

function declare(options: Parameters<typeof channel.declareQueue>[1] = {}): Queue {
  const queue = channel.declareQueue(unique('move'), options);
  made.push(queue.name);
  return queue;
}

const order = (id: number, country: string) => JSON.stringify({ id, country });
const MIXED = [order(1, 'CH'), order(2, 'DE'), order(3, 'FR'), order(4, 'CH'), order(5, 'DE')];

async function move(from: Queue, to: string): Promise<unknown[]> {
  return outcome(await startExample('move-messages', [from.name, to]).end);
}

describe.each(['classic', 'quorum'] as const)('from a %s queue', (type) => {
  test('what is wanted is moved with its properties, and the others stay in their order', async () => {
    const [source, target] = [declare({ type }), declare()];
    source.publishBatch(MIXED, { headers: { from: 'here' }, messageId: 'its own' });
    expect(await move(source, target.name)).toEqual([0, '2 of 5 moved']);
    eventually(() => source.status().messageCount === 3);
    expect(takeAll(channel, source.name)).toEqual([MIXED[1], MIXED[2], MIXED[4]]);
    const [first, second] = [target.get(), target.get()];
    expect([first?.text, second?.text]).toEqual([MIXED[0], MIXED[3]]);
    expect(first?.properties).toMatchObject({
      headers: { from: 'here' },
      messageId: 'its own',
      deliveryMode: 2,
    });
  });

  test('all of it, or nothing', async () => {
    const [source, target] = [declare({ type }), declare()];
    source.publishBatch([MIXED[0]!, MIXED[3]!]);
    expect(await move(source, target.name)).toEqual([0, '2 of 2 moved']);
    expect(await move(source, target.name)).toEqual([0, '0 of 0 moved']);
    source.publishBatch([MIXED[1]!, MIXED[2]!]);
    expect(await move(source, target.name)).toEqual([0, '0 of 2 moved']);
    expect(takeAll(channel, source.name)).toEqual([MIXED[1], MIXED[2]]);
    expect(takeAll(channel, target.name)).toEqual([MIXED[0], MIXED[3]]);
  });

  test('what the other queue refuses stays, in its place', async () => {
    const source = declare({ type });
    const target = declare({ maxLength: 1, overflow: 'reject-publish' });
    expect(() => {
      for (;;) target.publish('full');
    }).toThrow(NackError);
    source.publishBatch(MIXED);
    const [code, summary, errors] = await move(source, target.name);
    expect([code, summary]).toEqual([1, '0 of 5 moved']);
    expect(errors).toMatch(/^stays: \{"id":1,"country":"CH"\}: .*\nstays: \{"id":4.*\n$/);
    expect(takeAll(channel, source.name)).toEqual(MIXED);
  });
});

test('a message that the filter cannot read leaves all as it was', async () => {
  const [source, target] = [declare(), declare()];
  source.publishBatch([MIXED[0]!, 'no JSON', MIXED[1]!]);
  const { code, stderr } = await startExample('move-messages', [source.name, target.name]).end;
  expect(code).toBe(1);
  expect(stderr).toContain('SyntaxError');
  eventually(() => source.status().messageCount === 3);
  expect(takeAll(channel, source.name)).toEqual([MIXED[0], 'no JSON', MIXED[1]]);
  expect(takeAll(channel, target.name)).toEqual([]);
});
