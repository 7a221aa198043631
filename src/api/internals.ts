/**
 * Ways from a public object to what is below it, for those of this folder and for the facades. They are symbols, so
 * that users, who see all that has a name, do not meet them.
 */
export const PARTS = Symbol('parts of a channel');
export const SESSION = Symbol('session of a connection');
export const REPLIES = Symbol('where the replies to calls of a connection come in');
export const RUN = Symbol('run a function in a transaction');
export const READY = Symbol('let a publish of a channel be safe');
