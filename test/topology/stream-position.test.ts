import type { Args } from '../../src/protocol/method-types';
import { Journal } from '../../src/topology/journal';
import { channelSteps } from '../../src/topology/replay-steps';
import { StreamPosition } from '../../src/topology/stream-position';
import { method, Talk } from './talk';

const consume = (offset?: unknown) =>
  method('basic.consume', {
    queue: 's',
    consumerTag: 'c',
    arguments: offset === undefined ? { other: 1 } : { 'x-stream-offset': offset as string, other: 1 },
  }).args as Args<'basic.consume'>;
const resumed = (position: StreamPosition, offset?: unknown, elapsed = 90_500) =>
  position.resume(consume(offset), elapsed).arguments;

describe('a consumer to whom nothing has come', () => {
  test.each<[unknown, unknown]>([
    [undefined, '92s'],
    ['next', '92s'],
    ['last', '92s'],
    ['10s', '102s'],
    ['2m', '212s'],
    ['1h', '3692s'],
    ['1D', '86492s'],
    ['first', 'first'],
    [5, 5],
    [5n, 5n],
    ['whatever', 'whatever'],
    [new Date(7000), new Date(7000)],
  ])('that began at %s begins again at %s', (offset, expected) => {
    expect(resumed(StreamPosition.begin(), offset)).toEqual({ 'x-stream-offset': expected, other: 1 });
  });
});

test('the offset at which a stream begins again is that of what has come first, and was not handed out', () => {
  const position = StreamPosition.begin();
  expect(position.came(7n)).toBe(true);
  expect(position.came(8n)).toBe(true);
  expect(resumed(position, 'first')).toMatchObject({ 'x-stream-offset': 7n });
});

test('a message that was handed out does not come again; both threads see it', () => {
  const main = StreamPosition.begin();
  const worker = new StreamPosition(main.cells);
  for (const offset of [7n, 8n]) expect(main.came(offset)).toBe(true);
  main.handedOut(7n);
  expect(resumed(worker)).toMatchObject({ 'x-stream-offset': 8n });
  main.handedOut(8n); // before it has heard of the loss
  expect([8n, 9n].map((offset) => main.came(offset))).toEqual([false, true]);
});

test('a queue that is no stream gives whatever comes', () => {
  const position = StreamPosition.begin();
  position.came(7n);
  position.handedOut(7n);
  expect(position.came(3n)).toBe(true);
  position.resume(consume(), 0);
  position.refused();
  expect(position.came(3n)).toBe(true);
});

describe('the journal', () => {
  const offsetOf = (journal: Journal) =>
    channelSteps(journal, 1).map(({ method: { args } }) => (args as Args<'basic.consume'>).arguments);

  test('is told of a consumer before it knows it, or after; a later one by the same tag is another', () => {
    const journal = new Journal();
    const channel = new Talk(journal);
    const position = StreamPosition.begin();
    position.handedOut(4n);
    journal.follow(1, 'c', position.cells, 0);
    channel.ask('basic.consume', { queue: 's', consumerTag: 'c' });
    expect(offsetOf(journal)).toEqual([{ 'x-stream-offset': 5n }]);
    channel.send('basic.cancel', { consumerTag: 'c' });
    channel.ask('basic.consume', { queue: 'q', consumerTag: 'c' });
    expect(offsetOf(journal)).toEqual([{}]);
    journal.follow(1, 'c', position.cells, 0);
    expect(offsetOf(journal)).toEqual([{ 'x-stream-offset': 5n }]);
    expect([journal.unfollow(1, 'c'), journal.unfollow(1, 'c'), journal.unfollow(2, 'c')]).toEqual([
      ...[true, false, false],
    ]);
    expect(offsetOf(journal)).toEqual([{}]);
    journal.follow(9, 'c', position.cells, 0); // of a channel that has gone
  });
});
