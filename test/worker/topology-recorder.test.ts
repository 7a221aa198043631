/** Recording of the topology, from the frames in both directions, and what is sent again after a connection was lost. */
import { FRAME } from '../../src/protocol/constants';
import { FrameScanner } from '../../src/protocol/frame';
import type { Input, MethodName } from '../../src/protocol/method-types';
import { ProtocolViolation } from '../../src/protocol/violation';
import { Journal } from '../../src/topology/journal';
import { FrameCutter, methodFrames, methodOf } from '../../worker/connection/frames';
import { TopologyRecorder } from '../../worker/connection/topology-recorder';
import { frame } from '../protocol/bytes';
import { methodFrame } from '../support/peers/script';
import { contents } from '../topology/talk';

const said = <M extends MethodName>(name: M, args: Input<M> = {}, channel = 1) =>
  methodFrame(name, args, channel);
const BODY = frame(FRAME.BODY, 1, Buffer.alloc(100, 1));

let journal: Journal;
let recorder: TopologyRecorder;
beforeEach(() => {
  journal = new Journal();
  recorder = new TopologyRecorder(journal);
});

/** The broker sends, in pieces of this size. */
function hear(bytes: Buffer, piece = bytes.length): void {
  const scanner = new FrameScanner(() => {}, recorder);
  scanner.channelMax = 10;
  for (let at = 0; at < bytes.length; at += piece) scanner.push(bytes.subarray(at, at + piece));
}

const DECLARED = Buffer.concat([
  said('channel.open'),
  said('exchange.declare', { exchange: 'e', arguments: { long: 2 ** 40, nested: { list: [1, 'two'] } } }),
  said('basic.publish', { exchange: 'e' }),
  BODY,
  said('queue.declare', { queue: 'q' }),
  said('basic.consume', { queue: 'q', consumerTag: 'c', noWait: true }),
]);
const ANSWERED = Buffer.concat([
  said('channel.open-ok'),
  said('exchange.declare-ok'),
  said('basic.ack', { deliveryTag: 1 }),
  said('queue.declare-ok', { queue: 'q' }),
  said('basic.deliver', { consumerTag: 'c', deliveryTag: 1 }),
  BODY,
]);
const KNOWN = { exchanges: ['e'], queues: ['q'], channels: { 1: { consumers: ['c @ q'] } } };

test('methods that main sends are recorded, wherever the end of the ring cuts them', () => {
  for (let cut = 1; cut < DECLARED.length; cut++) {
    journal = new Journal();
    recorder = new TopologyRecorder(journal);
    recorder.sent(DECLARED.subarray(0, cut), DECLARED.subarray(cut));
    hear(ANSWERED);
    expect(contents(journal)).toMatchObject(KNOWN);
  }
});

test('methods that the broker sends are recorded, in whatever pieces they come', () => {
  for (let piece = 1; piece < 60; piece++) {
    journal = new Journal();
    recorder = new TopologyRecorder(journal);
    recorder.sent(DECLARED);
    hear(ANSWERED, piece);
    expect(contents(journal)).toMatchObject(KNOWN);
  }
});

test('arguments are declared again with the types that they had', () => {
  const [frames] = [
    [...methodFrames(said('exchange.declare', { arguments: { a: 2 ** 40, b: true } }), undefined)],
  ];
  const again = methodOf(frames[0]!);
  expect(methodFrame(again.name, again.args as never, 1)).toEqual(frames[0]!.bytes);
});

test('methods for a lost connection are sent again only if they want no answer, with new names', () => {
  recorder.sent(DECLARED);
  hear(ANSWERED);
  journal.lost();
  journal.renamed('q', 'r');
  const late = Buffer.concat([
    said('queue.declare', { queue: 'asked' }),
    said('queue.declare', { queue: 'told', noWait: true }),
    said('basic.publish'),
    BODY,
    said('basic.ack', { deliveryTag: 1 }),
    said('queue.bind', { queue: 'q', exchange: 'e', noWait: true }),
    said('basic.cancel', { consumerTag: 'c', noWait: true }),
    said('queue.delete', { queue: 'elsewhere', noWait: true }, 2),
    said('basic.consume', { queue: 'q', consumerTag: 'd', noWait: true }),
    said('basic.consume', { queue: 'q', consumerTag: 'd', noWait: true }),
  ]);
  const again = [...recorder.resend(late)].map(({ channel, method }) => [channel, method.name, method.args]);
  expect(again).toMatchObject([
    [1, 'queue.declare', { queue: 'told', noWait: true }],
    [1, 'queue.bind', { queue: 'r', exchange: 'e' }],
    [1, 'basic.cancel', { consumerTag: 'c' }],
    [1, 'basic.consume', { queue: 'r', consumerTag: 'd' }],
  ]);
  expect(contents(journal)).toEqual({
    exchanges: ['e'],
    queues: ['r', 'told'],
    bindings: ['e -> r ()'],
    channels: { 1: { consumers: ['d @ r'] } },
  });
});

test('a stream is cut into its frames, and refused where it is none', () => {
  const stream = Buffer.concat([ANSWERED, BODY.subarray(0, 20)]);
  for (let piece = 1; piece < 200; piece += 7) {
    const cutter = new FrameCutter({ frameMax: 4096, headerMax: 8192, channelMax: 10 });
    const types: number[] = [];
    for (let at = 0; at < stream.length; at += piece) {
      cutter.push(stream.subarray(at, at + piece));
      for (let next = cutter.next(); next !== undefined; next = cutter.next()) types.push(next.type);
    }
    expect(types).toEqual([1, 1, 1, 1, 1, 3]);
    expect(cutter.takeRest()).toEqual(BODY.subarray(0, 20));
    expect(cutter.takeRest()).toHaveLength(0);
  }
  const strict = new FrameCutter({ frameMax: 4096, headerMax: 8192, channelMax: 10 });
  strict.push(frame(FRAME.BODY, 11, Buffer.alloc(1)));
  expect(() => strict.next()).toThrow(ProtocolViolation);

  const header = new FrameCutter({ frameMax: 4096, headerMax: 8192, channelMax: 10 });
  header.push(frame(FRAME.HEADER, 1, Buffer.alloc(8192 - 8)));
  expect(header.next()?.bytes).toHaveLength(8192);
  header.push(frame(FRAME.HEADER, 1, Buffer.alloc(8193 - 8)).subarray(0, 7));
  expect(() => header.next()).toThrow(ProtocolViolation);
});
