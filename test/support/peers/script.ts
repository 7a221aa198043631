import { encodeMethod } from '../../../src/protocol/codec';
import { FRAME, FRAME_END } from '../../../src/protocol/constants';
import type { Input, MethodName } from '../../../src/protocol/method-types';
import { encodeContentHeader, type PropertiesInput } from '../../../src/protocol/properties';
import { encoded } from '../../../src/protocol/wire';

/**
 * What a scripted broker does with a connection: a list of steps, plain data, run one after the other.
 *
 *     [...handshake(), ...opened(1), expects('queue.purge'), stall(300), send('queue.purge-ok'), serve()]
 *
 * The broker reads all the time (but for `reading(false)`); `expects` looks at what has come in order, and
 * skips heartbeats only. What comes after the last step is recorded and not answered.
 */
export type Script = readonly Step[];
export type Step =
  | { step: 'header' }
  | {
      step: 'expects';
      method: MethodName;
      args: object;
      channel: number | undefined;
      body: string | undefined;
    }
  | { step: 'end' }
  | { step: 'bytes'; bytes: Uint8Array }
  | { step: 'split'; size: number; pause: number }
  | { step: 'stall'; ms: number }
  | { step: 'waitFor'; signal: string }
  | { step: 'touch'; file: string }
  | { step: 'reading'; on: boolean }
  | { step: 'beat'; ms: number }
  | { step: 'serve'; until: MethodName | undefined; isIncluded: boolean }
  | { step: 'loop'; steps: Script }
  | { step: 'cut'; rst: boolean };

// ── what the client has to send ───────────────────────────────────────────────────────────────────────

/** The eight bytes that open a conversation. */
export const header = (): Step => ({ step: 'header' });

/** The next method of the client: its name, and those of its arguments that are given here. */
export function expects<M extends MethodName>(
  method: M,
  args: Input<M> = {},
  { channel, body }: { channel?: number; body?: string } = {},
): Step {
  return { step: 'expects', method, args, channel, body };
}

/** The client ends the socket, gracefully or not. */
export const expectsEnd = (): Step => ({ step: 'end' });

// ── what the broker sends ─────────────────────────────────────────────────────────────────────────────

/** A method, on channel 0 for the class connection, else on channel 1 unless another is given. */
export function send<M extends MethodName>(
  method: M,
  args: Input<M> = {},
  { channel = homeOf(method) }: { channel?: number } = {},
): Step {
  return sendBytes(methodFrame(method, args, channel));
}

const homeOf = (method: MethodName) => (method.startsWith('connection.') ? 0 : 1);

export interface ContentOptions {
  channel?: number;
  body?: string | Uint8Array;
  properties?: PropertiesInput;
  /** What the header announces; default: the size of the body. */
  bodySize?: number;
  /** Body bytes of a frame at most. */
  pieces?: number;
}

/** A method with its header and body frames. */
export function content<M extends MethodName>(method: M, args: Input<M>, options: ContentOptions = {}): Step {
  const { channel = 1, properties = {}, pieces = 4096 } = options;
  const body = Buffer.from(options.body ?? '');
  const frames = [
    methodFrame(method, args, channel),
    frameBytes({
      type: FRAME.HEADER,
      channel,
      payload: headerPayload(options.bodySize ?? body.length, properties),
    }),
  ];
  for (let at = 0; at < body.length; at += pieces)
    frames.push(frameBytes({ type: FRAME.BODY, channel, payload: body.subarray(at, at + pieces) }));
  return sendBytes(Buffer.concat(frames));
}

/** A delivery to a consumer. */
export const delivery = (consumerTag: string, deliveryTag: number, options: ContentOptions = {}): Step =>
  content('basic.deliver', { consumerTag, deliveryTag, routingKey: 'q' }, options);

export interface RawFrame {
  type: number;
  channel?: number;
  /** Bytes, or hexadecimal digits. */
  payload?: Uint8Array | string;
  /** The size that the header claims; default: the true one. */
  size?: number;
  end?: number;
}

/** Any frame, however wrong. */
export const frame = (raw: RawFrame): Step => sendBytes(frameBytes(raw));

/** Anything; hexadecimal digits if it is a string. */
export const sendBytes = (bytes: Uint8Array | string): Step => ({ step: 'bytes', bytes: toBytes(bytes) });

/** One heartbeat. */
export const heartbeat = (): Step => frame({ type: FRAME.HEARTBEAT });

// ── time and TCP ──────────────────────────────────────────────────────────────────────────────────────

/** From here on write in pieces of `size` bytes, with `pause` ms after each; 0 writes in one piece again. */
export const split = (size: number, pause = 0): Step => ({ step: 'split', size, pause });
/** Do nothing for a while. */
export const stall = (ms: number): Step => ({ step: 'stall', ms });
/** Do nothing until the test calls `broker.signal(name)`. */
export const waitFor = (signal: string): Step => ({ step: 'waitFor', signal });
/** Make an empty file, for a thread that waits for it (programs/worker-fault.cjs). */
export const touch = (file: string): Step => ({ step: 'touch', file });
/** Stop reading the socket, or go on. */
export const reading = (on: boolean): Step => ({ step: 'reading', on });
/** Send a heartbeat every `ms`, whatever the script does. */
export const beat = (ms: number): Step => ({ step: 'beat', ms });
/** End the connection: FIN, or with `rst` a reset. */
export const cut = ({ rst = false }: { rst?: boolean } = {}): Step => ({ step: 'cut', rst });

// ── several steps ─────────────────────────────────────────────────────────────────────────────────────

/** Answer like a broker whose queues are empty, until the client closes the connection, or sends `until`. */
export const serve = (until?: MethodName): Step => ({ step: 'serve', until, isIncluded: false });
/** The same, and `last` is answered, too. */
export const serveThrough = (last: MethodName): Step => ({ step: 'serve', until: last, isIncluded: true });
/** The steps again and again until the client leaves; what they expect is not missed then. */
export const loop = (steps: Script): Step => ({ step: 'loop', steps });
/** The steps `count` times. */
export const repeat = (count: number, steps: Script): Step[] =>
  Array.from({ length: count }, () => steps).flat();

export const OFFER = { channelMax: 2047, frameMax: 131_072, heartbeat: 0 } as const;
export const START: Input<'connection.start'> = {
  versionMajor: 0,
  versionMinor: 9,
  serverProperties: { product: 'scripted', capabilities: { publisher_confirms: true, 'basic.nack': true } },
  mechanisms: 'PLAIN AMQPLAIN',
  locales: 'en_US',
};

/** From the protocol header to connection.open-ok. */
export const handshake = (
  tune: Input<'connection.tune'> = {},
  start: Input<'connection.start'> = {},
): Step[] => [
  header(),
  send('connection.start', { ...START, ...start }),
  expects('connection.start-ok'),
  send('connection.tune', { ...OFFER, ...tune }),
  expects('connection.tune-ok'),
  expects('connection.open'),
  send('connection.open-ok'),
];

/** The client opens a channel. */
export const opened = (channel = 1): Step[] => [
  expects('channel.open', {}, { channel }),
  send('channel.open-ok', {}, { channel }),
];

/** A handshake and one open channel. */
export const ready = (tune: Input<'connection.tune'> = {}): Step[] => [...handshake(tune), ...opened(1)];

/** The client closes the connection, and is let go. */
export const closed = (reason: Input<'connection.close'> = {}): Step[] => [
  expects('connection.close', reason),
  send('connection.close-ok'),
  expectsEnd(),
];

// ── bytes ─────────────────────────────────────────────────────────────────────────────────────────────

export function methodFrame<M extends MethodName>(method: M, args: Input<M>, channel: number): Buffer {
  return encoded((writer) => encodeMethod(writer, channel, method, args));
}

/** The payload of a method frame: class and method id, arguments. */
export function methodPayload<M extends MethodName>(method: M, args: Input<M> = {}): Buffer {
  return methodFrame(method, args, 0).subarray(7, -1);
}

/** The payload of a content header frame. */
export function headerPayload(bodySize: number, properties: PropertiesInput = {}): Buffer {
  return encoded((writer) => encodeContentHeader(writer, bodySize, properties));
}

export function frameBytes({ type, channel = 0, payload = '', size, end = FRAME_END }: RawFrame): Buffer {
  const bytes = toBytes(payload);
  const head = Buffer.alloc(7);
  head[0] = type;
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(size ?? bytes.length, 3);
  return Buffer.concat([head, bytes, Buffer.of(end)]);
}

function toBytes(bytes: Uint8Array | string): Uint8Array {
  return typeof bytes === 'string' ? Buffer.from(bytes.replace(/\s/g, ''), 'hex') : bytes;
}
