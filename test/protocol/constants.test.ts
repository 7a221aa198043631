import { CAPABILITIES, PROTOCOL_HEADER, REPLY_CODES, replyCodeName } from '../../src/protocol/constants';
import { hex } from './bytes';

test('a conversation opens with AMQP 0-0-9-1', () => {
  expect(Buffer.from(PROTOCOL_HEADER)).toEqual(hex('41 4d 51 50 00 00 09 01'));
});

test.each([
  [311, 'CONTENT_TOO_LARGE'],
  [313, 'NO_CONSUMERS'],
  [403, 'ACCESS_REFUSED'],
  [404, 'NOT_FOUND'],
  [405, 'RESOURCE_LOCKED'],
  [406, 'PRECONDITION_FAILED'],
] as const)('%i %s is a soft error: it closes the channel', (replyCode, code) => {
  expect(REPLY_CODES[replyCode]).toEqual({ code, scope: 'channel' });
});

test.each([
  [320, 'CONNECTION_FORCED'],
  [402, 'INVALID_PATH'],
  [501, 'FRAME_ERROR'],
  [502, 'SYNTAX_ERROR'],
  [503, 'COMMAND_INVALID'],
  [504, 'CHANNEL_ERROR'],
  [505, 'UNEXPECTED_FRAME'],
  [506, 'RESOURCE_ERROR'],
  [530, 'NOT_ALLOWED'],
  [540, 'NOT_IMPLEMENTED'],
  [541, 'INTERNAL_ERROR'],
] as const)('%i %s is a hard error: it closes the connection', (replyCode, code) => {
  expect(REPLY_CODES[replyCode]).toEqual({ code, scope: 'connection' });
});

test.each([200, 312] as const)('reply code %i closes nothing', (replyCode) => {
  expect(REPLY_CODES[replyCode].scope).toBe('none');
});

test('the client says everything that it can do', () => {
  expect(CAPABILITIES).toEqual({
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    authentication_failure_close: true,
  });
});

test('a code nobody knows has a name all the same', () => {
  expect(replyCodeName(404)).toBe('NOT_FOUND');
  expect(replyCodeName(599)).toBe('REPLY_599');
});
