/** shovel --where: what fits goes, and the rest stays where it was. */
import { channel, connection, queue, useQueue } from '../support/channel';
import { count, eventually, fill, sharedQueue, takeAll } from '../support/connect';
import { cli, interrupted, out, said } from '../support/programs/cli';

useQueue();
let to: string;
beforeEach(() => {
  to = sharedQueue(channel);
});
afterEach(() => {
  using last = connection.channel();
  last.queueDelete(to);
});

const where = (...conditions: string[]) => conditions.flatMap((text) => ['--where', text]);
const moved = (...conditions: string[]) => {
  cli(['shovel', queue, to, ...where(...conditions)]);
  const there = takeAll(channel, to);
  channel.queuePurge(queue);
  return there.join(' ');
};

describe('a condition', () => {
  beforeEach(() => {
    const when = new Date('2025-06-01T00:00:00Z');
    channel.basicPublish('one.two', { routingKey: queue, headers: { n: 5, t: 'a' }, timestamp: when });
    channel.basicPublish('one', { routingKey: queue, headers: { n: 50, big: 2n ** 62n }, messageId: '7' });
    channel.basicPublish('a*b\\', { routingKey: queue, headers: { n: '6', t: 'b', flag: true, none: null } });
  });

  it.each([
    ['the whole body', ['body=one'], 'one'],
    ['a star at its end', ['body=one*'], 'one.two one'],
    ['a star at its begin', ['body=*two'], 'one.two'],
    ['a star within', ['body=o*e*o'], 'one.two'],
    ['parts that must not overlap', ['body=one*e.two'], ''],
    ['any text', ['body=*'], 'one.two one a*b\\'],
    ['a star that is one', ['body=a\\*b\\\\'], 'a*b\\'],
    ['signs of regular expressions, which are plain', ['body=o.e'], ''],
    ['what is unlike', ['body!=one'], 'one.two a*b\\'],
    ['a header', ['headers.t=a'], 'one.two'],
    ['a header of another type, as text', ['headers.flag=true'], 'a*b\\'],
    ['a header that is null', ['headers.none=null'], 'a*b\\'],
    ['a header that is missing is like nothing', ['headers.t=*'], 'one.two a*b\\'],
    ['a header that is missing', ['headers.t!=*'], 'one'],
    ['names that every object has', ['headers.constructor=*'], ''],
    ['numbers', ['headers.n>5'], 'one a*b\\'],
    ['numbers and their limit', ['headers.n<=6'], 'one.two a*b\\'],
    ['large numbers', ['headers.big>=4e18'], 'one'],
    ['the size', ['size<4'], 'one'],
    ['a date', ['timestamp>2025-05-31'], 'one.two'],
    ['a date in seconds', ['timestamp<1748736000'], ''],
    ['a property', ['messageId=7'], 'one'],
    ['the exchange', ['exchange='], 'one.two one a*b\\'],
    ['all of several', ['headers.n<50', 'body=one*'], 'one.two'],
  ])('on %s', (_what, conditions, bodies) => {
    expect(moved(...conditions)).toBe(bodies);
  });

  it('on the routing key', () => {
    expect(moved(`key=${queue}`)).toBe('one.two one a*b\\');
    expect(moved('key=*x')).toBe('');
  });
});

it.each([
  ['body', 'It must be FIELD=PATTERN'],
  ['=x', 'It must be FIELD=PATTERN'],
  ['nothing=x', 'There is no field "nothing": one is exchange, key, body'],
  ['size<', 'What is less or more than ""? It must be a number or a date.'],
  ['size<soon', 'What is less or more than "soon"?'],
])('%s is wrong usage', (text, error) => {
  expect(said('shovel', queue, to, '--where', text)).toEqual([64, expect.stringContaining(error)]);
});

const numbers = Array.from({ length: 1200 }, (_, n) => `${n}`);

it('what does not fit stays, in its order; so many at most are moved; and 2 if none fits', () => {
  fill(channel, queue, ...numbers);
  out(['shovel', queue, to, ...where('body=*7')]);
  out(['shovel', queue, to, ...where('body=*8'), '-c', '3']);
  expect(said('shovel', queue, to, ...where('body=x'))).toEqual([2, '']);
  const expected = numbers.filter((body) => body.endsWith('7')).concat('8', '18', '28');
  expect(takeAll(channel, to)).toEqual(expected);
  expect(takeAll(channel, queue)).toEqual(numbers.filter((body) => !expected.includes(body)));
});

it('copies what fits', () => {
  fill(channel, queue, 'a', 'b', 'c');
  out(['shovel', queue, to, '--copy', ...where('body!=b')]);
  expect(takeAll(channel, to)).toEqual(['a', 'c']);
  expect(takeAll(channel, queue)).toEqual(['a', 'b', 'c']);
});

it('a quorum queue keeps its order, too, and wants --force', () => {
  const { name } = channel.declareQueue(`${queue}.quorum`, { type: 'quorum' });
  fill(channel, name, 'a', 'b', 'c', 'd');
  expect(said('shovel', name, to, ...where('body=b'))).toEqual([1, expect.stringContaining('add --force')]);
  out(['shovel', name, to, '--force', ...where('body=b')]);
  expect(takeAll(channel, name)).toEqual(['a', 'c', 'd']);
  channel.queueDelete(name);
});

it.each<[NodeJS.Signals]>([['SIGINT'], ['SIGKILL']])(
  '%s in the middle of it loses nothing',
  async (signal) => {
    const many = Array.from({ length: 20_000 }, (_, n) => `${n}`);
    fill(channel, queue, ...many);
    await interrupted(['shovel', queue, to, ...where('body=*7')], signal, () => count(channel, to) > 0);
    // a consumer that was about to end is gone before all has come back
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
    eventually(() => count(channel, queue) + count(channel, to) >= many.length);
    const left = takeAll(channel, queue);
    const there = takeAll(channel, to);
    expect(left).toEqual([...left].sort((a, b) => Number(a) - Number(b)));
    expect(there).toEqual(many.filter((body) => body.endsWith('7')).slice(0, there.length));
    expect(new Set([...left, ...there]).size).toBe(many.length);
  },
);
