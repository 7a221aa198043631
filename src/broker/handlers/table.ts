import type { BrokerChannel } from '../channel';
import { CONSUMING } from './consuming';
import { SETTLING } from './settling';
import { TOPOLOGY } from './topology';

/** Every method of a channel but basic.publish and those that open and close it. */
export const HANDLERS: Readonly<
  Record<string, ((channel: BrokerChannel, args: Record<string, unknown>) => void) | undefined>
> = { ...TOPOLOGY, ...CONSUMING, ...SETTLING } as never;
