/** An operation that the broker gives up waiting for: its other nodes may carry it out all the same, and the error says so. */
import { errorOf, talk } from '../support/peers/peer';
import { expects, ready, send, serve } from '../support/peers/script';

const METADATA =
  "INTERNAL_ERROR - Could not declare queue 'q' in vhost '/' on node 'rabbit@here' because the metadata store operation timed out";
const QUEUE = "NOT_FOUND - failed to perform operation on queue 'q' in vhost '/' due to timeout";

it.each([
  ['connection', 541, METADATA],
  ['channel', 404, QUEUE],
] as const)('the %s is closed for it: %d', (what, replyCode, replyText) => {
  const close = { replyCode, replyText, classId: 50, methodId: 10 };
  const { connection } = talk([...ready(), expects('queue.declare'), send(`${what}.close`, close), serve()]);
  const channel = connection.channel();
  const error = errorOf(() => channel.queueDeclare('q', { durable: true }));
  expect(error.message).toMatch(/time(d )?out; it may still be carried out$/);
  expect(error).toMatchObject({ replyCode, replyText, outcome: 'unknown' });
});

it('what else times out is over: a consumer that did not acknowledge', () => {
  const close = {
    replyCode: 406,
    replyText:
      'PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1000 ms',
    classId: 0,
    methodId: 0,
  };
  const { connection } = talk([...ready(), expects('queue.purge'), send('channel.close', close), serve()]);
  const channel = connection.channel();
  const error = errorOf(() => channel.queuePurge('q'));
  expect(error.message).not.toContain('carried out');
  expect(error.outcome).toBe('rejected');
});
