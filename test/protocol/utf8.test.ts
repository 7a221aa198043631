import { decodeUtf8, encodeEscaped, fitShortstr } from '../../src/protocol/utf8';
import { hex } from './bytes';

const decode = (bytes: Buffer) => decodeUtf8(bytes, 0, bytes.length);

/** Text and its bytes; a byte that is no part of a character is U+DC00 + byte. */
const CASES: readonly [name: string, bytes: string, text: string][] = [
  ['ASCII', '61007f', 'a\0\x7f'],
  ['characters of every length', 'c3a9 e282ac f09f9880', 'é€😀'],
  ['a genuine U+FFFD', '61 efbfbd 62', 'a\ufffdb'],
  ['Latin-1', '61 e9 62', 'a\udce9b'],
  ['a lone continuation', '80', '\udc80'],
  ['a lead without continuation', 'c3', '\udcc3'],
  ['a lead before ASCII', 'c3 28', '\udcc3('],
  ['two of three bytes', 'e2 82', '\udce2\udc82'],
  ['three of four bytes, then a character', 'f0 9f 98 c3a9', '\udcf0\udc9f\udc98é'],
  ['an overlong slash', 'c0 af', '\udcc0\udcaf'],
  ['an overlong slash in three bytes', 'e0 80 af', '\udce0\udc80\udcaf'],
  ['a surrogate', 'ed a0 80', '\udced\udca0\udc80'],
  ['a surrogate pair in six bytes', 'ed a0 bd ed b8 80', '\udced\udca0\udcbd\udced\udcb8\udc80'],
  ['the character after the last', 'f4 90 80 80', '\udcf4\udc90\udc80\udc80'],
  ['bytes that are never used', 'f8 fe ff', '\udcf8\udcfe\udcff'],
  ['an escape behind a surrogate pair', 'f09f9880 80', '😀\udc80'],
  ['a genuine U+FFFD among others', 'efbfbd ff', '\ufffd\udcff'],
  ['the first and last of two bytes, among others', 'c280 dfbf ff', '\u0080\u07ff\udcff'],
  ['the first and last of three bytes, among others', 'e0a080 efbfbf ff', '\u0800\uffff\udcff'],
  ['the first and last of four bytes, among others', 'f0908080 f48fbfbf ff', '\u{10000}\u{10ffff}\udcff'],
  ['the last character', 'f4 8f bf bf', '\u{10ffff}'],
];

test.each(CASES)('bytes are decoded so that they can be encoded again: %s', (_, digits, text) => {
  expect(decode(hex(digits))).toBe(text);
  expect(encodeEscaped(text)).toEqual(hex(digits));
});

test('every single byte goes through unchanged', () => {
  for (let byte = 0; byte < 256; byte++) {
    const bytes = Buffer.of(byte, 0x61, byte);
    expect(encodeEscaped(decode(bytes))).toEqual(bytes);
  }
});

test('only the given part of the memory is decoded', () => {
  expect(decodeUtf8(hex('61 c3a9 62 ff'), 1, 3)).toBe('é');
  expect(decodeUtf8(hex('61 c3a9 62'), 1, 2)).toBe('\udcc3');
});

test('surrogates that stand for no byte are replaced as everywhere in Node', () => {
  // a high surrogate alone, and low ones for ASCII (U+DC00 + 0x41) and beyond a byte
  expect(encodeEscaped('a\ud83d')).toEqual(hex('61 efbfbd'));
  expect(encodeEscaped('\udc41\udd00')).toEqual(hex('efbfbd efbfbd'));
});

describe('fitShortstr', () => {
  test.each([
    ['what fits is left alone', 'a'.repeat(255), 255],
    ['ASCII', 'a'.repeat(300), 255],
    ['two bytes each', 'é'.repeat(200), 127],
    ['three bytes each', '€'.repeat(100), 85],
    ['the last character would be cut', `${'a'.repeat(254)}é`, 254],
  ])('keeps as many characters as 255 bytes hold: %s', (_, text, kept) => {
    expect(fitShortstr(text)).toBe(text.slice(0, kept));
  });

  test.each([251, 252, 253, 254])('never keeps half of a surrogate pair: after %i letters', (letters) => {
    const fitted = fitShortstr(`${'a'.repeat(letters)}😀😀`);
    expect(fitted.isWellFormed()).toBe(true);
    expect(fitted).toBe(letters === 251 ? `${'a'.repeat(251)}😀` : 'a'.repeat(letters));
  });
});
