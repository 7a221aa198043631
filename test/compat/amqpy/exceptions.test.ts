/** The exceptions: their tree, their numbers, their texts. */
import * as amqpy from '../../../src/compat/amqpy';
import {
  AMQPConnectionError,
  AMQPError,
  ChannelError,
  error_for_code,
  NotFound,
  spec,
  Timeout,
} from '../../../src/compat/amqpy';

const TREE = {
  AMQPError: [undefined, 0],
  AMQPConnectionError: ['AMQPError', 0],
  RecoverableConnectionError: ['AMQPConnectionError', 0],
  Blocked: ['RecoverableConnectionError', 0],
  ConsumerCancelled: ['RecoverableConnectionError', 0],
  ConnectionForced: ['RecoverableConnectionError', 320],
  ResourceError: ['RecoverableConnectionError', 506],
  IrrecoverableConnectionError: ['AMQPConnectionError', 0],
  InvalidPath: ['IrrecoverableConnectionError', 402],
  FrameError: ['IrrecoverableConnectionError', 501],
  FrameSyntaxError: ['IrrecoverableConnectionError', 502],
  InvalidCommand: ['IrrecoverableConnectionError', 503],
  ChannelNotOpen: ['IrrecoverableConnectionError', 504],
  UnexpectedFrame: ['IrrecoverableConnectionError', 505],
  NotAllowed: ['IrrecoverableConnectionError', 530],
  AMQPNotImplementedError: ['IrrecoverableConnectionError', 540],
  InternalError: ['IrrecoverableConnectionError', 541],
  ChannelError: ['AMQPError', 0],
  RecoverableChannelError: ['ChannelError', 0],
  ContentTooLarge: ['RecoverableChannelError', 311],
  NoConsumers: ['RecoverableChannelError', 313],
  ResourceLocked: ['RecoverableChannelError', 405],
  MessageNacked: ['RecoverableChannelError', 0],
  IrrecoverableChannelError: ['ChannelError', 0],
  AccessRefused: ['IrrecoverableChannelError', 403],
  NotFound: ['IrrecoverableChannelError', 404],
  PreconditionFailed: ['IrrecoverableChannelError', 406],
} as const;

const classes = amqpy as unknown as Record<string, typeof AMQPError>;
const rows = Object.entries(TREE);

test.each(rows)('%s is a kind of %p', (name, [parent, code]) => {
  const errorClass = classes[name]!;
  expect(Object.getPrototypeOf(errorClass)).toBe(parent === undefined ? Error : classes[parent]);
  const error = new errorClass('why', spec.Queue.Declare);
  expect(error).toMatchObject({ name, code, message: 'why', reply_text: 'why', reply_code: code });
});

test('all exceptions are in the tree', () => {
  const exported = Object.keys(classes).filter((name) => classes[name]!.prototype instanceof AMQPError);
  expect([...exported, 'AMQPError'].sort()).toEqual(Object.keys(TREE).sort());
  expect(new Timeout()).not.toBeInstanceOf(AMQPError);
});

describe('error_for_code', () => {
  test.each(rows.filter(([, [, code]]) => code > 0))('makes the class of %s', (name, [, code]) => {
    const error = error_for_code(code, 'why', spec.Basic.Get, AMQPError, 7);
    expect(error.constructor).toBe(classes[name]);
    expect(error).toMatchObject({ code, reply_code: code, channel_id: 7, method_type: spec.Basic.Get });
  });

  test('makes the class that it is given for a number without one', () => {
    const error = error_for_code({ code: 999, text: 'why', method_type: null, default: ChannelError });
    expect(error.constructor).toBe(ChannelError);
    expect(error).toMatchObject({ code: 0, reply_code: 999, channel_id: null });
    expect(error_for_code(0, null, null, AMQPConnectionError).constructor).toBe(AMQPConnectionError);
  });
});

describe('what an exception says', () => {
  test('is method, channel, code and text, for String and in the stack', () => {
    const error = new NotFound('no queue', spec.Queue.Declare, { channel_id: 3 });
    expect(String(error)).toBe('queue.declare [ch: 3]: (404) no queue');
    expect(error.stack).toMatch(
      /^NotFound: queue\.declare \[ch: 3\]: \(404\) no queue\n {4}at .*exceptions\.test/,
    );
    expect([error.method, error.method_name]).toEqual(['queue.declare', 'queue.declare']);
  });

  test('is what there is, where less is known', () => {
    expect(String(new NotFound())).toBe('NotFound');
    expect(String(new NotFound('why'))).toBe('why');
    expect(String(new NotFound({ reply_text: 'why', method_name: 'mine', reply_code: 9 }))).toBe(
      'mine [ch: None]: (9) why',
    );
    const unknown = new spec.method_t(99, 1);
    expect(new NotFound('why', unknown).method).toBe(unknown);
    expect(new NotFound().method).toBeNull();
  });
});
