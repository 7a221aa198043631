import { PLANS } from '../../protocol/codec';
import { FRAME, FRAME_END, FRAME_OVERHEAD } from '../../protocol/constants';
import { putUint32 } from '../../protocol/wire';
import type { Pump } from '../pump';

export type Settlement = 'basic.ack' | 'basic.nack' | 'basic.reject';

export interface HowSettled {
  multiple?: boolean | undefined;
  requeue?: boolean | undefined;
}

/** Id, delivery tag, and one octet of bits: the three are alike. */
const PAYLOAD = 4 + 8 + 1;
const SIZE = PAYLOAD + FRAME_OVERHEAD;

/** The octet behind the tag; `undefined` for values that are no bits, which the long way refuses. */
export function settlementBits(
  method: Settlement,
  { multiple = false, requeue = false }: HowSettled,
): number | undefined {
  if (typeof multiple !== 'boolean' || typeof requeue !== 'boolean') return undefined;
  if (method === 'basic.reject') return requeue ? 1 : 0;
  return (multiple ? 1 : 0) | (method === 'basic.nack' && requeue ? 2 : 0);
}

/**
 * Write what settles a delivery, by hand: there is one for every message. A test compares it with the walk.
 * `urgent`: end a nap of the worker's for it.
 * @returns false: there is no room now; nothing was written
 */
export function writeSettlement(
  pump: Pump,
  channel: number,
  method: Settlement,
  deliveryTag: number,
  bits: number,
  urgent: boolean,
): boolean {
  const { outbound } = pump.link;
  if (!outbound.hasRoom(SIZE)) return false;
  outbound.claim(SIZE);
  const { buffer, offset } = outbound;
  buffer[offset] = FRAME.METHOD;
  buffer[offset + 1] = channel >>> 8;
  buffer[offset + 2] = channel;
  putUint32(buffer, offset + 3, PAYLOAD);
  putUint32(buffer, offset + 7, PLANS[method].id);
  putUint32(buffer, offset + 11, Math.floor(deliveryTag / 0x1_0000_0000));
  putUint32(buffer, offset + 15, deliveryTag);
  buffer[offset + 19] = bits;
  buffer[offset + 20] = FRAME_END;
  outbound.commit(SIZE);
  if (urgent) pump.link.send();
  else pump.link.sendSoon();
  return true;
}
