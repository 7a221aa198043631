/** Names of what the objects of a facade ask of each other: symbols, as in `src/api/internals.ts`. */
export const FORGET = Symbol('a channel is closed, or has forgotten its consumers');
export const OPEN = Symbol('open a channel of the client for one of the facade');
export const SERVE = Symbol('run a callback, and remember what it returns');
export const COUNT = Symbol('a channel is about to send a method');
export const COMPAT = Symbol('what is done otherwise than by the original');
export const SETTLE = Symbol('settle a message, with the errors of the facade');
export const DIED = Symbol('whether an error ended the channel');
export const REVIVE = Symbol('open a closed channel again');
export const RECEIVED = Symbol('the message that came over the wire');
export const PUT = Symbol('a message came back');
export const VALUES = Symbol('what the parameters of a connection were given');
