import type { Args, MethodName } from '../../protocol/method-types';
import type { BrokerChannel } from '../channel';

/** A handler carries out a method of a channel and sends the reply. @throws {Failure} when it cannot be done */
export type Handler<M extends MethodName> = (channel: BrokerChannel, args: Args<M>) => void;

export type Handlers = { readonly [M in MethodName]?: Handler<M> };
