import { didYouMean, nearest } from '../../src/protocol/did-you-mean';

const OPTIONS = ['heartbeat', 'hostname', 'noAck', 'noLocal', 'connectTimeout'];

test.each<[string, string | undefined, string]>([
  ['heartbeat', 'heartbeat', 'the word itself'],
  ['hartbeat', 'heartbeat', 'a letter missing'],
  ['heartbeeat', 'heartbeat', 'a letter too much'],
  ['heartbaet', 'heartbeat', 'two letters swapped'],
  ['HEARTBEAT', 'heartbeat', 'another case'],
  ['noack', 'noAck', 'the case of one letter'],
  ['host', undefined, 'four letters missing of eight'],
  ['hostnam', 'hostname', 'the end missing'],
  ['conectTimout', 'connectTimeout', 'two letters missing'],
  ['connect_timeout', 'connectTimeout', 'underscores'],
  ['zzzzzzzzz', undefined, 'nothing alike'],
  ['noAckk', 'noAck', 'closer than noLocal'],
])('the word nearest to %s is %s (%s)', (word, candidate) => {
  expect(nearest(word, OPTIONS)).toBe(candidate);
});

test.each<[string, string, string | undefined]>([
  ['ab', 'abxx', 'abxx'], // two edits are always allowed
  ['ab', 'abxxx', undefined],
  ['abcdefghi', 'abcdefghixxx', 'abcdefghixxx'], // and one for every three letters
  ['abcdefghi', 'abcdefghixxxx', undefined],
  ['abcdefgh', 'abcdefghxxx', undefined],
])('the word nearest to %s, where there is only %s, is %s', (word, candidate, expected) => {
  expect(nearest(word, [candidate])).toBe(expected);
});

test('the first of equally near candidates wins', () => {
  expect(nearest('cat', ['bat', 'hat'])).toBe('bat');
  expect(nearest('cat', new Set(['hat', 'bat']))).toBe('hat');
});

test('a closer candidate wins wherever it stands', () => {
  expect(nearest('heartbeat', ['heartbeets', 'heartbeat'])).toBe('heartbeat');
  expect(nearest('heartbeat', ['heartbeat', 'heartbeets'])).toBe('heartbeat');
});

test('no word is near where there are no candidates', () => {
  expect(nearest('x', [])).toBeUndefined();
  expect(didYouMean('x', [])).toBe('');
});

test('didYouMean is the end of a sentence', () => {
  expect(`unknown option "noak"${didYouMean('noak', OPTIONS)}`).toBe(
    'unknown option "noak"; did you mean "noAck"?',
  );
  expect(didYouMean('zzzzzzzzz', OPTIONS)).toBe('');
});
