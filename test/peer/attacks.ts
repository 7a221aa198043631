/** Attacks: what a broken or hostile broker may send, and with which reply code it has to be told so. */
import type { Channel, Connection } from '../../src';
import { FRAME } from '../../src/protocol/constants';
import {
  content,
  delivery,
  expects,
  frame,
  headerPayload,
  methodPayload,
  repeat,
  type Script,
  type Step,
  send,
  sendBytes,
  waitFor,
} from '../support/peers/script';

export const FRAME_MAX = 8192;
/** Milliseconds that a call may wait for an attack, which ends it long before: reached in failure only. */
export const CALL_TIMEOUT = 15_000;
const { METHOD, HEADER, BODY, HEARTBEAT } = FRAME;

/** Situations: what the client is doing when the attack comes, and what the broker expects of it by then. */
export interface Scene {
  steps: Step[];
  act(channel: Channel, connection: Connection): unknown;
}

const getting: Scene = {
  steps: [expects('basic.get')],
  act: (channel) => channel.basicGet('q'),
};
const declaring: Scene = {
  steps: [expects('queue.declare')],
  act: (channel) => channel.queueDeclare('q'),
};
const waiting: Scene = {
  steps: [waitFor('attack')],
  act: (_, connection) => connection.drainEvents({ timeout: CALL_TIMEOUT }),
};
export const consuming: Scene = {
  steps: [
    ...[expects('basic.qos'), send('basic.qos-ok')],
    ...[expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'ct' })],
  ],
  act(channel, connection) {
    channel.basicConsume('q', () => {}, { consumerTag: 'ct' });
    connection.loop({ timeout: CALL_TIMEOUT });
  },
};
const confirming: Scene = {
  steps: [expects('confirm.select'), send('confirm.select-ok'), expects('basic.publish')],
  act(channel) {
    channel.confirmSelect();
    channel.basicPublish('body', { routingKey: 'q' });
  },
};

export const getOk = { deliveryTag: 1, routingKey: 'q' };
export const getOkFrame = frame({ type: METHOD, channel: 1, payload: methodPayload('basic.get-ok', getOk) });
export const headerFrame = (payload: Uint8Array | string) => frame({ type: HEADER, channel: 1, payload });
export const bodyFrame = (payload: Uint8Array | string) => frame({ type: BODY, channel: 1, payload });
/** class 60, weight 0, a body of `size`; then what is given. */
export const rawHeader = (rest: string, size = 0) =>
  headerFrame(`003c 0000 ${size.toString(16).padStart(16, '0')} ${rest}`);
/** A header whose `headers` property is this table. */
const withTable = (table: string) => rawHeader(`2000 ${table}`);

function nestedTable(levels: number): string {
  let bytes = '00000000';
  for (let level = 1; level < levels; level++) {
    bytes = `0161 46 ${bytes}`.replaceAll(' ', '');
    bytes = (bytes.length / 2).toString(16).padStart(8, '0') + bytes;
  }
  return bytes;
}

/** name, what the client does, what the broker sends, the reply code on the wire */
export type Attack = [string, Scene, Script, number];

export const frames: Attack[] = [
  [
    'a bad frame end',
    getting,
    [frame({ type: METHOD, channel: 1, payload: methodPayload('basic.get-empty'), end: 0xcf })],
    501,
  ],
  ['an unknown frame type', waiting, [frame({ type: 4, channel: 1 })], 501],
  ['frame type 0', waiting, [frame({ type: 0 })], 501],
  ['a protocol header in mid-stream', waiting, [sendBytes(Buffer.from('AMQP\0\0\x09\x01'))], 501],
  ['text in mid-stream', getting, [sendBytes(Buffer.from('HTTP/1.1 502 Bad Gateway\r\n'))], 501],
  ['a header that claims 4 GiB', waiting, [sendBytes('03 0001 ffffffff')], 501],
  ['a header that claims 2 GiB', waiting, [sendBytes('03 0001 7fffffff')], 501],
  [
    'a header that claims one byte too many',
    waiting,
    [sendBytes(`03 0001 ${(FRAME_MAX - 7).toString(16).padStart(8, '0')}`)],
    501,
  ],
  [
    'a content header that claims more than half of the ring',
    getting,
    [getOkFrame, sendBytes(`02 0001 ${((1 << 20) - 7).toString(16).padStart(8, '0')}`)],
    501,
  ],
  [
    'a control frame that claims one byte too many',
    waiting,
    [sendBytes(`01 0000 ${(FRAME_MAX - 7).toString(16).padStart(8, '0')}`)],
    501,
  ],
  [
    'a body frame of 64 MiB',
    getting,
    [
      getOkFrame,
      rawHeader('0000', 64 << 20),
      sendBytes('03 0001 04000000'),
      ...repeat(64, [sendBytes(Buffer.alloc(65536))]),
    ],
    501,
  ],
  ['an empty method frame', waiting, [frame({ type: METHOD, channel: 1 })], 501],
  ['a method frame of 1 byte', waiting, [frame({ type: METHOD, channel: 1, payload: '00' })], 501],
  ['a method frame of 3 bytes', waiting, [frame({ type: METHOD, channel: 1, payload: '003c00' })], 501],
  [
    'a method frame of 3 bytes on channel 0',
    waiting,
    [frame({ type: METHOD, channel: 0, payload: '000a00' })],
    501,
  ],
  ['an empty header frame', getting, [getOkFrame, headerFrame('')], 501],
  ['a header frame of 13 bytes', getting, [getOkFrame, headerFrame('003c0000000000000000000000')], 501],
  ['a heartbeat with a payload', waiting, [frame({ type: HEARTBEAT, payload: '00' })], 501],
  ['a heartbeat on channel 1', waiting, [frame({ type: HEARTBEAT, channel: 1 })], 501],
];

export const channels: Attack[] = [
  ['a content header on channel 0', waiting, [frame({ type: HEADER, payload: headerPayload(0) })], 505],
  ['a body on channel 0', waiting, [frame({ type: BODY, payload: '00' })], 505],
  [
    'a method of the connection on channel 1',
    waiting,
    [send('connection.blocked', { reason: 'x' }, { channel: 1 })],
    503,
  ],
  ['connection.close on channel 1', waiting, [send('connection.close', {}, { channel: 1 })], 503],
  ['a reply on channel 0', declaring, [send('queue.declare-ok', { queue: 'q' }, { channel: 0 })], 503],
  [
    'a delivery on channel 0',
    consuming,
    [frame({ type: METHOD, payload: methodPayload('basic.deliver', { consumerTag: 'ct', deliveryTag: 1 }) })],
    503,
  ],
  ['channel.close on channel 0', waiting, [send('channel.close', { replyCode: 404 }, { channel: 0 })], 503],
  [
    'a second connection.start',
    waiting,
    [send('connection.start', { versionMinor: 9, mechanisms: 'PLAIN' })],
    503,
  ],
  ['a second connection.tune', waiting, [send('connection.tune', { frameMax: 4096 })], 503],
  ['a second connection.open-ok', waiting, [send('connection.open-ok')], 503],
  ['a connection.close-ok that nobody waits for', waiting, [send('connection.close-ok')], 503],
  ['an update-secret-ok that nobody waits for', waiting, [send('connection.update-secret-ok')], 503],
  ['a method of the client on channel 0', waiting, [send('connection.open', { virtualHost: '/' })], 503],
  ['a method for a channel that was never opened', waiting, [send('basic.qos-ok', {}, { channel: 5 })], 504],
  [
    'a body for a channel that was never opened',
    waiting,
    [frame({ type: BODY, channel: 5, payload: '00' })],
    504,
  ],
  [
    'channel.close for a channel that was never opened',
    waiting,
    [send('channel.close', { replyCode: 404 }, { channel: 5 })],
    504,
  ],
  ['a channel above channel_max', waiting, [send('basic.qos-ok', {}, { channel: 11 })], 504],
  ['channel 65535', waiting, [frame({ type: BODY, channel: 0xffff, payload: '00' })], 504],
];

export const methods: Attack[] = [
  ['an unknown class', waiting, [frame({ type: METHOD, channel: 1, payload: '0063 0001' })], 503],
  ['an unknown method', waiting, [frame({ type: METHOD, channel: 1, payload: '003c 03e7' })], 503],
  ['an unknown method on channel 0', waiting, [frame({ type: METHOD, payload: '000a 03e7' })], 503],
  ['a method that is for clients', waiting, [send('queue.declare', { queue: 'q' })], 503],
  ['a publish', waiting, [content('basic.publish', { routingKey: 'q' }, { body: 'x' })], 503],
  ['delete-ok for a declare', declaring, [send('queue.delete-ok', { messageCount: 1 })], 503],
  ['get-empty for a declare', declaring, [send('basic.get-empty')], 503],
  ['declare-ok for a get', getting, [send('queue.declare-ok', { queue: 'q' })], 503],
  ['a reply when nothing is pending', waiting, [send('queue.purge-ok', { messageCount: 1 })], 503],
  [
    'two replies to one request',
    {
      steps: [...declaring.steps],
      act: (channel, connection) => {
        channel.queueDeclare('q');
        connection.drainEvents({ timeout: CALL_TIMEOUT });
      },
    },
    [send('queue.declare-ok', { queue: 'q' }), send('queue.declare-ok', { queue: 'q' })],
    503,
  ],
  ['a second channel.open-ok', waiting, [send('channel.open-ok')], 503],
  ['a channel.close-ok that nobody waits for', waiting, [send('channel.close-ok')], 503],
  ['a get-ok that nobody waits for', waiting, [content('basic.get-ok', getOk, { body: 'x' })], 503],
  ['get-ok for a declare', declaring, [content('basic.get-ok', getOk, { body: 'x' })], 503],
  ['a delivery with tag 0', consuming, [delivery('ct', 0, { body: 'x' })], 502],
  [
    'a consumer tag that another consumer has',
    {
      steps: [...consuming.steps, expects('basic.consume')],
      act(channel) {
        for (const queue of ['q', 'p']) channel.basicConsume(queue, () => {});
      },
    },
    [send('basic.consume-ok', { consumerTag: 'ct' })],
    503,
  ],
  ['a confirm of a publish that was never sent', confirming, [send('basic.ack', { deliveryTag: 2 })], 503],
  [
    'a nack of a publish that was never sent',
    confirming,
    [send('basic.nack', { deliveryTag: 99, multiple: true })],
    503,
  ],
  ['a confirm with tag 0', confirming, [send('basic.ack', { deliveryTag: 0 })], 503],
  ['a confirm outside of confirm mode', waiting, [send('basic.ack', { deliveryTag: 1 })], 503],
  [
    'arguments that end too early',
    declaring,
    [frame({ type: METHOD, channel: 1, payload: '0032 000b 01' })],
    502,
  ],
  [
    'a short string longer than the frame',
    declaring,
    [frame({ type: METHOD, channel: 1, payload: '0032 000b ff 61' })],
    502,
  ],
  [
    'arguments that go on',
    declaring,
    [
      frame({
        type: METHOD,
        channel: 1,
        payload: `${methodPayload('queue.declare-ok', { queue: 'q' }).toString('hex')} 00`,
      }),
    ],
    502,
  ],
  ['a broken connection.close', waiting, [frame({ type: METHOD, payload: '000a 0032 01' })], 502],
  ['a broken connection.blocked', waiting, [frame({ type: METHOD, payload: '000a 003c 09 61' })], 502],
  ['a broken channel.close', waiting, [frame({ type: METHOD, channel: 1, payload: '0014 0028 01' })], 502],
  [
    'a delivery tag of 2^63',
    getting,
    [frame({ type: METHOD, channel: 1, payload: '003c 0047 8000000000000000 00 00 00 00000000' })],
    502,
  ],
];

export const contents: Attack[] = [
  ['a header without a method', getting, [headerFrame(headerPayload(0))], 505],
  ['a body without a method', getting, [bodyFrame('61')], 505],
  ['a body without a header', getting, [getOkFrame, bodyFrame('61')], 505],
  ['two headers', getting, [getOkFrame, headerFrame(headerPayload(3)), headerFrame(headerPayload(3))], 505],
  ['a method in the place of the header', getting, [getOkFrame, send('basic.get-empty')], 505],
  [
    'a method in the middle of a body',
    getting,
    [getOkFrame, headerFrame(headerPayload(3)), bodyFrame('61'), send('basic.get-empty')],
    505,
  ],
  [
    'a second delivery in the middle of a body',
    consuming,
    [delivery('ct', 1, { body: 'a', bodySize: 2 }), delivery('ct', 2, { body: 'b' })],
    505,
  ],
  [
    'a body longer than announced',
    getting,
    [content('basic.get-ok', getOk, { body: 'x'.repeat(10), bodySize: 3 })],
    505,
  ],
  [
    'a body longer than announced in its second frame',
    getting,
    [content('basic.get-ok', getOk, { body: 'abcd', bodySize: 3, pieces: 2 })],
    505,
  ],
  [
    'a body where none is announced',
    {
      steps: getting.steps,
      act: (channel, connection) => [getting.act(channel, connection), waiting.act(channel, connection)],
    },
    [content('basic.get-ok', getOk, { body: 'abcd', bodySize: 0 })],
    505,
  ],
  ['a body of 2^63 bytes', getting, [getOkFrame, headerFrame('003c 0000 8000000000000000 0000')], 502],
  ['a header of another class', getting, [getOkFrame, headerFrame('0032 0000 0000000000000000 0000')], 501],
  ['a property flag that there is not', getting, [getOkFrame, rawHeader('0002')], 502],
  ['more property flags to follow', getting, [getOkFrame, rawHeader('0001 0000')], 502],
  ['properties that end too early', getting, [getOkFrame, rawHeader('8000 05 61')], 502],
  ['properties that go on', getting, [getOkFrame, rawHeader('0000 00')], 502],
  ['headers with an unknown type', getting, [getOkFrame, withTable('00000004 0161 5a 00')], 502],
  ['headers longer than the frame', getting, [getOkFrame, withTable('7fffffff')], 502],
  ['a header string of 2 GiB', getting, [getOkFrame, withTable('00000008 0161 53 7fffffff 61')], 502],
  ['headers nested 65 deep', getting, [getOkFrame, withTable(nestedTable(65))], 502],
  ['headers nested 1000 deep', getting, [getOkFrame, withTable(nestedTable(1000))], 502],
];
