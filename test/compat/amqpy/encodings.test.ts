/** Encodings by Python's names; the vectors and tables are CPython 3.11's. */
import { createHash } from 'node:crypto';
import { decode, encode } from '../../../src/compat/amqpy/encodings';

/** Of each table: for every byte its character, or nothing, with bars in between. */
const TABLES = [
  ['ascii', 'f90e586e3371'],
  ['latin_1', '243bfec65e4c'],
  ['iso8859_2', 'f9ecbeb3efdb'],
  ['iso8859_3', '660e2d5751ed'],
  ['iso8859_4', '7dc0ac85eff4'],
  ['iso8859_5', '3f862b6a9687'],
  ['iso8859_6', '573793d83dd2'],
  ['iso8859_7', 'f35a73624790'],
  ['iso8859_8', '376b642e3fcc'],
  ['iso8859_9', '40f9c296b654'],
  ['iso8859_10', '8086a6312c1a'],
  ['iso8859_13', '713e977676e3'],
  ['iso8859_14', 'e08ed86344d5'],
  ['iso8859_15', '48c76cd693ac'],
  ['cp1250', '1886bf64b1b6'],
  ['cp1251', '38e833390267'],
  ['cp1252', '3e70e7ed3466'],
  ['cp1253', '969c4894c7d8'],
  ['cp1254', '33c47ec09940'],
  ['cp1255', '25623155de65'],
  ['cp1256', 'c9111cccc3e1'],
  ['cp1257', 'c6fe20a31f38'],
  ['cp1258', 'f22738157dc9'],
  ['koi8_r', 'c3e26d3abe1b'],
  ['koi8_u', '763d3c67fbed'],
] as const;

function characterOf(byte: number, name: string): string {
  try {
    return decode(Uint8Array.of(byte), name);
  } catch {
    return '';
  }
}

test.each(TABLES)('the encoding %s has every byte, there and back', (name, digest) => {
  const characters = Array.from({ length: 256 }, (_, byte) => characterOf(byte, name));
  expect(createHash('sha1').update(characters.join('|')).digest('hex').slice(0, 12)).toBe(digest);
  characters.forEach((character, byte) => {
    if (character !== '') expect(encode(character, name)).toEqual(Buffer.of(byte));
  });
});

test.each([
  ['utf_8', 'Grüße', '4772c3bcc39f65'],
  ['utf_8_sig', 'Grüße', 'efbbbf4772c3bcc39f65'],
  ['utf-16', 'Grüße', 'fffe47007200fc00df006500'],
  ['utf_16_le', 'Grüße', '47007200fc00df006500'],
  ['UTF-16BE', 'Grüße', '0047007200fc00df0065'],
  ['utf_32', 'Grüße', 'fffe00004700000072000000fc000000df00000065000000'],
  ['utf_32_be', 'Grüße', '0000004700000072000000fc000000df00000065'],
  ['utf-8', '€ 𝄞', 'e282ac20f09d849e'],
  ['utf_16_be', '𝄞', 'd834dd1e'],
  ['utf_32_le', '𝄞', '1ed10100'],
  ['ISO-8859-1', 'Grüße', '4772fcdf65'],
  ['latin_1', 'Grüße', '4772fcdf65'],
  ['L1', 'ÿ', 'ff'],
  ['cp1252', '€', '80'],
  ['windows-1251', 'Привет', 'cff0e8e2e5f2'],
  ['KOI8-U', 'Привет', 'f0d2c9d7c5d4'],
  ['ISO8859-5', 'Привет', 'bfe0d8d2d5e2'],
  ['Windows 1250', 'žluť', '9e6c759d'],
  ['us-ascii', 'plain', '706c61696e'],
  ['UTF8', '', ''],
])('the encoding %s writes and reads %s as Python does', (name, text, hex) => {
  expect(encode(text, name).toString('hex')).toBe(hex);
  expect(decode(Buffer.from(hex, 'hex'), name)).toBe(text);
});

test('the mark in front of text says which end comes first', () => {
  expect(decode(Buffer.from('feff0041', 'hex'), 'utf_16')).toBe('A');
  expect(decode(Buffer.from('4100', 'hex'), 'utf_16')).toBe('A');
  expect(decode(Buffer.from('0000feff00000041', 'hex'), 'utf_32')).toBe('A');
  // one like any other, where no mark is expected
  expect(decode(Buffer.from('efbbbf41', 'hex'), 'utf_8')).toBe('\ufeffA');
});

test.each([
  ['é', 'ascii', /'ascii' codec can't encode character '\\u00e9' in position 0: ordinal not in range\(128\)/],
  [
    'a€',
    'latin_1',
    /'latin-1' codec can't encode character '\\u20ac' in position 1: ordinal not in range\(256\)/,
  ],
  ['𝄞', 'cp1252', /'\\u1d11e' in position 0: character maps to <undefined>/],
  ['a\ud800', 'utf_8', /'\\ud800' in position 1: surrogates not allowed/],
  ['\udc00', 'utf_16', /surrogates not allowed/],
  ['x', 'no-such', /^unknown encoding: no-such$/],
  ['x', 'constructor', /^unknown encoding: constructor$/],
  ['x', '__proto__', /^unknown encoding: __proto__$/],
  ['x', '', /^unknown encoding: $/],
])('the text %j cannot be written as %s', (text, name, message) => {
  expect(() => encode(text, name)).toThrow(message);
  expect(() => encode(text, name)).toThrow(RangeError);
});

test.each([
  ['ff', 'utf_8'],
  ['c3', 'utf_8'],
  ['80', 'ascii'],
  ['81', 'cp1252'],
  ['61', 'utf_16_le'],
  ['00d8', 'utf_16_le'],
  ['00d80000', 'utf_32_le'],
  ['00001100', 'utf_32_le'],
  ['0000110000', 'utf_32_be'],
  ['41', 'no-such'],
])('the bytes %s are no text in %s', (hex, name) => {
  expect(() => decode(Buffer.from(hex, 'hex'), name)).toThrow(RangeError);
});
