import { copyBytes } from '../../bytes';
import { fromCaller } from '../../caller';
import { ConnectionClosedError } from '../../errors';
import { closeFrame, encodeMethod, openFrame } from '../../protocol/codec';
import { FRAME, FRAME_END, FRAME_HEADER_SIZE, FRAME_OVERHEAD } from '../../protocol/constants';
import { bodyCapacity } from '../../protocol/content';
import { encodeContentHeader, type PropertiesInput } from '../../protocol/properties';
import { putUint32 } from '../../protocol/wire';
import type { Pump } from '../pump';
import type { Outages } from './channel-host';
import type { PreparedPublish } from './prepared-publish';

export interface Address {
  exchange?: string | undefined;
  routingKey?: string | undefined;
  mandatory?: boolean | undefined;
  immediate?: boolean | undefined;
}

/** What is published, and where to. */
export interface Publication {
  readonly address: Address;
  readonly properties: PropertiesInput;
  readonly body: Uint8Array;
}

/** The channel to write on. It may close while this waits for room: then nothing more may follow. */
export interface Target {
  readonly id: number;
  readonly isOpen: boolean;
  /** Grows when the connection is lost, or the channel is opened anew. */
  readonly interruptions: number;
  checkOpen(method: string): void;
  readonly host: { readonly pump: Pump; readonly recovery: Pick<Outages, 'currentAddress'> };
}

/** RabbitMQ ends the connection for properties that do not fit in one frame. A RangeError to everybody else. */
export class PropertiesTooLarge extends RangeError {
  constructor(size: string, frameMax: number) {
    super(
      `the message properties take ${size} bytes, but a frame holds ${frameMax} (frameMax); send what is large in the body`,
    );
    fromCaller(this);
  }
}

/** Method and header frame ordinarily fit in this. */
const USUAL_HEAD_SIZE = 1024;

/**
 * Write a message whose method and header were written before, all in one go and without waiting.
 * @returns false: there is no room for that now, or its body needs several frames; nothing was written
 */
export function writePrepared(pump: Pump, prepared: PreparedPublish, body: Uint8Array | string): boolean {
  const { outbound } = pump.link;
  const isText = typeof body === 'string';
  // up to three bytes for each UTF-16 unit; how many it really takes is known once it is written
  const most = isText ? body.length * 3 : body.length;
  if (most > bodyCapacity(pump.frameMax) || prepared.sizeWithoutBody > pump.frameMax) return false;
  const headSize = prepared.bytes.length;
  const room = headSize + most + 1;
  if (!outbound.hasRoom(room)) return false;
  outbound.claim(room);
  const { buffer, offset } = outbound;
  copyBytes(prepared.bytes, 0, headSize, buffer, offset);
  const start = offset + headSize;
  let size = most;
  if (isText) size = buffer.write(body, start);
  else copyBytes(body, 0, size, buffer, start);
  putUint32(buffer, offset + prepared.bodySizeAt, size);
  if (size === 0) {
    outbound.commit(prepared.sizeWithoutBody);
  } else {
    putUint32(buffer, offset + prepared.frameSizeAt, size);
    buffer[start + size] = FRAME_END;
    outbound.commit(headSize + size + 1);
  }
  return true;
}

/**
 * Write a message: method, header and body frames. The bytes of the body are taken now; the caller may
 * reuse its buffer. Blocks while the ring is full. A message that fits the ring, with properties of less
 * than 1 KiB, goes in whole or not at all. A larger one streams through, and if that has to stop half way the connection ends with it: half a
 * message cannot be taken back.
 * `keep` is given the method and header frame, and where the second begins in it.
 * @returns `late`: there was no room until `deadline`, nothing was written; `interrupted`: the connection was lost
 * half way, and is recovered: the broker will not get the whole of it
 * @throws {TypeError | RangeError} before anything is written
 */
export function writePublish(
  channel: Target,
  { address, properties, body }: Publication,
  deadline: number,
  keep?: (head: Uint8Array, headerAt: number) => void,
): 'written' | 'late' | 'interrupted' {
  const { pump, recovery } = channel.host;
  const { writer } = pump;
  const { outbound } = pump.link;
  const whole = USUAL_HEAD_SIZE + sizeOfFrames(pump, body);
  if (whole <= outbound.capacity && !pump.room(whole, deadline, pieceOf(channel))) return 'late';

  const head = () => {
    // the inbound ring is not looked at here: what has come could make others write where this is being written
    if (!channel.isOpen) channel.checkOpen('basic.publish');
    const begin = writer.pos;
    const current = recovery.currentAddress(address);
    encodeMethod(writer, channel.id, 'basic.publish', current);
    const start = openFrame(writer, FRAME.HEADER, channel.id);
    encodeContentHeader(writer, body.length, recovery.currentAddress(properties));
    closeFrame(writer, start);
    const size = writer.pos - start;
    if (size > pump.frameMax) throw new PropertiesTooLarge(`${size}`, pump.frameMax);
    if (current === address) keep?.(writer.buffer.subarray(begin, writer.pos), start - begin);
  };
  const tooLarge = () => new PropertiesTooLarge(`more than ${pump.frameMax}`, pump.frameMax);
  const most = 2 * pump.frameMax; // the method and the header frame together
  if (!pump.claim(USUAL_HEAD_SIZE, head, deadline, { ...pieceOf(channel), tooLarge, most })) return 'late';

  // large headers may have taken the room that was meant for the body
  const { interruptions } = channel;
  if (outbound.hasRoom(sizeOfFrames(pump, body))) writeBody(pump, channel, body, deadline);
  else writeInPieces(pump, channel, body, deadline);
  if (channel.interruptions !== interruptions) return 'interrupted';
  return 'written';
}

/** What the body takes in frames of the broker that is there now: whoever waits for room may wait through an outage. */
function sizeOfFrames({ frameMax }: Pump, body: Uint8Array): number {
  return body.length + Math.ceil(body.length / bodyCapacity(frameMax)) * FRAME_OVERHEAD;
}

/** The pieces of a body stand together: no frame of this thread's or the worker's may come between. */
function writeInPieces(pump: Pump, channel: Target, body: Uint8Array, deadline: number): void {
  pump.link.lockWrites();
  pump.undisturbed(() => {
    try {
      writeBody(pump, channel, body, deadline);
      pump.link.send();
    } finally {
      pump.link.unlockWrites();
    }
  });
}

/** Write the body frames, waiting for room between them where the body is larger than the ring. */
function writeBody(pump: Pump, channel: Target, body: Uint8Array, deadline: number): void {
  const { outbound } = pump.link;
  const { interruptions } = channel;
  const capacity = bodyCapacity(pump.frameMax);
  for (let at = 0; at < body.length; at += capacity) {
    const end = Math.min(at + capacity, body.length);
    if (!outbound.hasRoom(end - at + FRAME_OVERHEAD)) {
      pump.link.send();
      waitForNextFrame(pump, channel, end - at + FRAME_OVERHEAD, deadline);
      if (!channel.isOpen || channel.interruptions !== interruptions) return;
    }
    writeBodyFrame(pump, channel.id, body, at, end);
  }
}

const pieceOf = ({ id }: Target) => ({ what: 'basic.publish', channel: id });

function waitForNextFrame(pump: Pump, channel: Target, size: number, deadline: number): void {
  const { interruptions } = channel;
  try {
    if (pump.room(size, deadline, pieceOf(channel))) return;
    if (channel.interruptions !== interruptions) return; // nothing is left that could be half sent
  } catch (error) {
    pump.abort(halfSent(error));
    throw pump.reported(error);
  }
  pump.abort(halfSent(undefined));
  throw pump.reported(pump.death);
}

function halfSent(cause: unknown): ConnectionClosedError {
  return new ConnectionClosedError(
    'a publish was given up with half of its body sent; the connection had to be ended with it',
    { code: 'HALF_SENT', recoverable: true, outcome: 'unknown', cause },
  );
}

function writeBodyFrame(pump: Pump, channel: number, body: Uint8Array, start: number, end: number): void {
  const { outbound } = pump.link;
  outbound.claim(FRAME_HEADER_SIZE);
  const { buffer, offset } = outbound;
  buffer[offset] = FRAME.BODY;
  buffer.writeUInt16BE(channel, offset + 1);
  buffer.writeUInt32BE(end - start, offset + 3);
  outbound.commit(FRAME_HEADER_SIZE);
  outbound.write(body, start, end);
  outbound.claim(1);
  outbound.buffer[outbound.offset] = FRAME_END;
  outbound.commit(1);
}
