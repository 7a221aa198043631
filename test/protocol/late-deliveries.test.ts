/** Which deliveries are of a channel that has ended? */
import { encodeMethod } from '../../src/protocol/codec';
import { FRAME } from '../../src/protocol/constants';
import { LateDeliveries } from '../../src/protocol/late-deliveries';
import { Reader, Writer } from '../../src/protocol/wire';

let late: LateDeliveries;
beforeEach(() => {
  late = new LateDeliveries();
});

/** The broker sends a delivery while no channel with the number is open. */
function ignore(deliveryTag: number): void {
  const writer = new Writer(Buffer.alloc(100));
  encodeMethod(writer, 1, 'basic.deliver', { consumerTag: 'c', deliveryTag });
  late.ignore(FRAME.METHOD, new Reader(writer.buffer.subarray(7, writer.pos - 1)));
}

test('none, when no channel has ended, in whatever order a broker counts', () => {
  expect([1, 2, 7, 5].map((tag) => late.includes(tag, 1))).toEqual([false, false, false, false]);
});

test('those that go on with the count of a channel that has ended, between those of the present one', () => {
  late.ended(4);
  const came: [tag: number, next: number][] = [
    ...([
      [1, 1],
      [4, 2],
      [5, 2],
      [2, 2],
      [6, 3],
      [3, 3],
    ] as [number, number][]),
  ];
  expect(came.map(([tag, next]) => late.includes(tag, next))).toEqual([
    false,
    true,
    true,
    false,
    true,
    false,
  ]);
});

test('those that came while the number was free are counted', () => {
  late.ended(4);
  for (const tag of [4, 5, 6]) ignore(tag);
  late.ignore(FRAME.HEADER, new Reader(Buffer.alloc(0)));
  expect([late.includes(4, 1), late.includes(7, 1)]).toEqual([false, true]);
});

test('late deliveries of several channels are told apart', () => {
  late.ended(4);
  late.ended(11);
  expect([4, 11, 12, 5, 9].map((tag) => late.includes(tag, 1))).toEqual([true, true, true, true, false]);
});

test('what goes on with both counts is of the present one', () => {
  late.ended(4);
  expect([late.includes(4, 4), late.includes(5, 5)]).toEqual([false, false]);
});

test('none, once the connection is another', () => {
  late.ended(4);
  late.clear();
  expect(late.includes(4, 1)).toBe(false);
});
