/**
 * What goes through synckit: calls that are rare and answered at once. Replies are plain data; one value
 * that cannot be cloned would end the worker.
 */
export type ControlCall<Options> =
  | { call: 'open'; memory: SharedArrayBuffer; wakeSignal: SharedArrayBuffer; options: Options }
  | { call: 'describe' };

/** `undefined`: there is nothing to describe yet. */
export type ControlReply<Description> = Description | undefined;
