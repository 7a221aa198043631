import { FRAME, FRAME_END, FRAME_HEADER_SIZE } from '../../../src/protocol/constants';

/** Words of what a sink reports: how many frames came with a number, how many others, and whether any was wrong. */
export const SINK = { FRAMES: 0, HEARTBEATS: 1, WRONG: 2 } as const;

const PATTERN = Buffer.from(Uint8Array.from({ length: (1 << 19) + 1000 }, (_, index) => (index * 31) >>> 3));

/** A frame with a number, and bytes that follow from it. */
export function numberedFrame(number: number, size: number): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_SIZE + 4 + size + 1);
  bytes.writeUInt8(FRAME.BODY);
  bytes.writeUInt16BE(1, 1);
  bytes.writeUInt32BE(4 + size, 3);
  bytes.writeUInt32BE(number, FRAME_HEADER_SIZE);
  PATTERN.copy(bytes, FRAME_HEADER_SIZE + 4, number % 1000, (number % 1000) + size);
  bytes.writeUInt8(FRAME_END, bytes.length - 1);
  return bytes;
}

/** @throws {Error} it is another payload than that of this frame */
export function checkNumbered(payload: Buffer, number: number): void {
  const got = payload.readUInt32BE(0);
  if (got !== number) throw new Error(`frame ${number} is due, ${got} came`);
  const bytes = payload.subarray(4);
  const due = PATTERN.subarray(number % 1000, (number % 1000) + bytes.length);
  if (!bytes.equals(due)) throw new Error(`frame ${number} has other bytes than were sent`);
}
