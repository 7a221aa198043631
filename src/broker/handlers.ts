import type { Args, MethodName } from '../protocol/method-types';
import type { Channel } from './channel';
import { CONSUMING } from './consuming';
import { SETTLING } from './settling';
import { TOPOLOGY } from './topology';

/** Carries out a method of a channel and sends the reply. @throws {Failure} when it cannot be done */
export type Handlers = { readonly [M in MethodName]?: (channel: Channel, args: Args<M>) => void };

/** Every method of a channel but basic.publish and those that open and close it. */
export const HANDLERS: Readonly<
  Record<string, ((channel: Channel, args: Record<string, unknown>) => void) | undefined>
> = { ...TOPOLOGY, ...CONSUMING, ...SETTLING } as never;
