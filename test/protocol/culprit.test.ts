/** Which method does a close complain of? */
import { PLANS } from '../../src/protocol/codec';
import { culprit } from '../../src/protocol/culprit';
import type { MethodName } from '../../src/protocol/method-types';
import type { Said } from '../../src/protocol/reply-match';

const declare = (queue: string): Said => ({ name: 'queue.declare', args: { queue } });
const bind = (queue: string, exchange: string, routingKey = ''): Said => ({
  name: 'queue.bind',
  args: { queue, exchange, routingKey },
});
const consume = (queue: string, consumerTag: string): Said => ({
  name: 'basic.consume',
  args: { queue, consumerTag },
});

test.each<
  [
    what: string,
    sent: Said[],
    of: MethodName,
    text: string,
    quoted: number | undefined,
    alike: number | undefined,
  ]
>([
  ['nothing was sent', [], 'queue.declare', "no queue 'q'", undefined, undefined],
  ['nothing of its kind was sent', [declare('q')], 'queue.bind', "no queue 'q'", undefined, undefined],
  [
    'one of its kind, quoted',
    [bind('q', 'x'), declare('q')],
    'queue.declare',
    "queue 'q' in vhost '/'",
    1,
    1,
  ],
  ['the quoted one, not the oldest', [declare('a'), declare('b')], 'queue.declare', "queue 'b' is odd", 1, 0],
  ['the oldest that is quoted', [declare('a'), declare('a')], 'queue.declare', "queue 'a' is odd", 0, 0],
  ['nobody is quoted', [declare('a'), declare('b')], 'queue.declare', 'INTERNAL_ERROR', undefined, 0],
  ['an exchange', [bind('q', 'x'), bind('q', 'y')], 'queue.bind', "no exchange 'y' in vhost '/'", 1, 0],
  ['a consumer', [consume('q', 'a'), consume('q', 'b')], 'basic.consume', "tag 'b' reused", 1, 0],
  [
    'part of a longer name is no quotation',
    [declare('q'), declare('q2')],
    'queue.declare',
    "queue 'q2' is odd",
    1,
    0,
  ],
  ['a name that is empty is not quoted', [declare('')], 'queue.declare', "queue '' is odd", undefined, 0],
  [
    'a routing key is no entity',
    [bind('q', 'x', 'durable'), bind('q', 'y')],
    'queue.bind',
    "inequivalent arg 'durable' for exchange 'y'",
    1,
    0,
  ],
])('the culprit of a close is found among what was sent: %s', (_what, sent, of, replyText, quoted, alike) => {
  const { id } = PLANS[of];
  const close = { classId: id >>> 16, methodId: id & 0xffff, replyText };
  const found = culprit(sent, close, (each) => each);
  const expected = (index: number | undefined) => (index === undefined ? undefined : sent[index]);
  expect(found.quoted).toBe(expected(quoted));
  expect(found.alike).toBe(expected(alike));
});
