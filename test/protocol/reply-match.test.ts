/** Which request does a reply answer? */
import { requestOf, type Said } from '../../src/protocol/reply-match';

const consume = (consumerTag: string): Said => ({ name: 'basic.consume', args: { queue: 'q', consumerTag } });
const consumeOk = (consumerTag: string): Said => ({ name: 'basic.consume-ok', args: { consumerTag } });
const cancel = (consumerTag: string): Said => ({ name: 'basic.cancel', args: { consumerTag } });
const cancelOk = (consumerTag: string): Said => ({ name: 'basic.cancel-ok', args: { consumerTag } });
const declare = (queue: string): Said => ({ name: 'queue.declare', args: { queue } });
const get: Said = { name: 'basic.get', args: {} };

test.each<[string, Said[], Said, number]>([
  ['nobody asked', [], consumeOk('a'), -1],
  ['nobody asked for this', [declare('q'), get], { name: 'basic.qos-ok', args: {} }, -1],
  [
    'the oldest of its kind',
    [declare('q'), declare('r')],
    { name: 'queue.declare-ok', args: { queue: 'r' } },
    0,
  ],
  ['another kind is older', [consume('a'), declare('q')], { name: 'queue.declare-ok', args: {} }, 1],
  ['one request with two replies', [consume('a'), get], { name: 'basic.get-empty', args: {} }, 1],
  ['with a consumer, who named it', [consume('a'), consume('b')], consumeOk('b'), 1],
  ['with a consumer, in order', [consume('a'), consume('b')], consumeOk('a'), 0],
  ['the end of one, before the end of an older one', [cancel('a'), cancel('b')], cancelOk('b'), 1],
  ['start and end of the same one', [cancel('a'), consume('a')], consumeOk('a'), 1],
  [
    'the broker chose the tag: never of a request that named another',
    [consume('a'), consume('')],
    consumeOk('amq.1'),
    1,
  ],
  ['the broker chose the tags: in order', [consume(''), consume('')], consumeOk('amq.1'), 0],
  ['named, though a nameless one is older', [consume(''), consume('b')], consumeOk('b'), 1],
  ['a tag that nobody named', [consume('a'), cancel('b')], consumeOk('c'), -1],
  [
    'a reply without a tag: the oldest of its kind',
    [declare('q'), cancel('a'), cancel('b')],
    cancelOk(''),
    1,
  ],
])('a reply finds its request among those that are owed: %s', (_case, owed, reply, index) => {
  expect(requestOf(owed, reply, (request) => request)).toBe(index);
});
