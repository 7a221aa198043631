import { outOfRange } from '../../caller';

/**
 * Python's text encodings by Python's names (`latin_1`, `UTF-8`, `cp1252`, …): what `str.encode` and
 * `bytes.decode` do, both strict. Known are the Unicode ones, ASCII, Latin-1 and the single-byte families
 * ISO 8859 (but for parts 11 and 16), Windows and KOI8.
 */
interface Encoding {
  encode(text: string): Buffer;
  decode(bytes: Uint8Array): string;
}

/** Case, hyphens, spaces and underscores do not count, as in Python. */
function normalized(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, '_');
}

const ALIASES: ReadonlyMap<string, string> = new Map([
  ...named('utf_8', 'utf8', 'u8', 'utf', 'cp65001'),
  ...named('utf_8_sig', 'utf8_sig'),
  ...named('utf_16', 'utf16', 'u16'),
  ...named('utf_16_le', 'utf16_le', 'utf_16le', 'utf16le'),
  ...named('utf_16_be', 'utf16_be', 'utf_16be', 'utf16be'),
  ...named('utf_32', 'utf32', 'u32'),
  ...named('utf_32_le', 'utf32_le', 'utf_32le', 'utf32le'),
  ...named('utf_32_be', 'utf32_be', 'utf_32be', 'utf32be'),
  ...named('ascii', 'us_ascii', '646', 'us'),
  ...named('latin_1', 'latin1', 'latin', 'l1', 'iso_8859_1', 'iso8859_1', 'iso8859', '8859', 'cp819'),
]);

function named(name: string, ...aliases: string[]): [alias: string, name: string][] {
  return aliases.map((alias) => [alias, name]);
}

// ── strict, with Python's words ───────────────────────────────────────────────────────────────────────

function cannotEncode(name: string, character: string, position: number, why: string): RangeError {
  const point = character.codePointAt(0)!.toString(16).padStart(4, '0');
  return outOfRange(`'${name}' codec can't encode character '\\u${point}' in position ${position}: ${why}`);
}

function cannotDecode(name: string, bytes: Uint8Array, position: number): RangeError {
  const byte = (bytes[position] ?? 0).toString(16).padStart(2, '0');
  return outOfRange(`'${name}' codec can't decode byte 0x${byte} in position ${position}`);
}

/** Half a surrogate pair is no character. */
function checkWellFormed(name: string, text: string): void {
  if (text.isWellFormed()) return;
  const position = text.search(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
  throw cannotEncode(name, text[position]!, position, 'surrogates not allowed');
}

// ── Unicode ───────────────────────────────────────────────────────────────────────────────────────────

function utf8(name: string, mark: boolean): Encoding {
  // the mark is a character like any other, but for utf_8_sig
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: !mark });
  return {
    encode(text) {
      checkWellFormed(name, text);
      return Buffer.from(mark ? `\ufeff${text}` : text);
    },
    decode(bytes) {
      try {
        return decoder.decode(bytes);
      } catch {
        throw outOfRange(`'${name}' codec can't decode the ${bytes.length} bytes`);
      }
    },
  };
}

type Endian = 'le' | 'be';

/** Units of two or four bytes. */
function wide(name: string, size: 2 | 4, endian: Endian): Encoding {
  return {
    encode(text) {
      checkWellFormed(name, text);
      const units =
        size === 2
          ? Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))
          : Array.from(text, (character) => character.codePointAt(0)!);
      const bytes = Buffer.allocUnsafe(units.length * size);
      units.forEach((unit, index) => {
        if (endian === 'le') bytes.writeUIntLE(unit, index * size, size);
        else bytes.writeUIntBE(unit, index * size, size);
      });
      return bytes;
    },
    decode(given) {
      const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
      if (bytes.length % size !== 0) throw cannotDecode(name, bytes, bytes.length - 1);
      const read = (at: number) =>
        endian === 'le' ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size);
      const parts: string[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        const unit = read(at);
        if (unit > 0x10_ffff || (size === 4 && unit >= 0xd800 && unit <= 0xdfff))
          throw cannotDecode(name, bytes, at);
        parts.push(size === 2 ? String.fromCharCode(unit) : String.fromCodePoint(unit));
      }
      const text = parts.join('');
      if (!text.isWellFormed()) throw cannotDecode(name, bytes, 0);
      return text;
    },
  };
}

/** A mark in front says which end comes first; Python writes one, little end first. */
function marked(name: string, size: 2 | 4): Encoding {
  const little = wide(name, size, 'le');
  const big = wide(name, size, 'be');
  return {
    encode: (text) => little.encode(`\ufeff${text}`),
    decode(bytes) {
      const isBig = Buffer.from(bytes.subarray(0, size)).equals(big.encode('\ufeff'));
      const text = (isBig ? big : little).decode(bytes);
      return text.startsWith('\ufeff') ? text.slice(1) : text;
    },
  };
}

// ── one byte for a character ──────────────────────────────────────────────────────────────────────────

/** From the character of each byte; `''` where there is none. */
function single(name: string, characters: readonly string[], why: string): Encoding {
  const bytes = new Map(characters.map((character, byte) => [character, byte]));
  bytes.delete('');
  return {
    encode(text) {
      const encoded = Buffer.allocUnsafe(text.length);
      for (let index = 0; index < text.length; index++) {
        const byte = bytes.get(text[index]!);
        if (byte === undefined) {
          throw cannotEncode(name, String.fromCodePoint(text.codePointAt(index)!), index, why);
        }
        encoded[index] = byte;
      }
      return encoded;
    },
    decode(encoded) {
      return Array.from(encoded, (byte, position) => {
        const character = characters[byte];
        if (!character) throw cannotDecode(name, encoded, position);
        return character;
      }).join('');
    },
  };
}

const UNDEFINED = 'character maps to <undefined>';
const BYTES = Array.from({ length: 256 }, (_, byte) => byte);

/** Latin-1 with other characters from some byte on; `\0` where there is none. Decoders of some Nodes have these wrong. */
const NEAR_LATIN_1: ReadonlyMap<string, Readonly<Record<number, string>>> = new Map([
  ['cp1252', { 128: '€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ' }],
  ['iso8859_9', { 208: 'Ğ', 221: 'İŞ', 240: 'ğ', 253: 'ış' }],
]);

function nearLatin1(name: string, differences: Readonly<Record<number, string>>): Encoding {
  const characters = BYTES.map((byte) => String.fromCharCode(byte));
  for (const [from, others] of Object.entries(differences)) {
    const own = Array.from(others, (character) => (character === '\0' ? '' : character));
    characters.splice(Number(from), own.length, ...own);
  }
  return single(name, characters, UNDEFINED);
}

/** `iso8859_2`, `cp1251` and `koi8_r` as the platform's own decoder has them. */
function fromPlatform(name: string): Encoding | undefined {
  const [, iso, windows, koi8] = /^(?:iso8859_(\d{1,2})|cp(125\d)|koi8_([ru]))$/.exec(name) ?? [];
  const label = iso ? `iso-8859-${iso}` : windows ? `windows-${windows}` : koi8 && `koi8-${koi8}`;
  // the platform takes 11 for a Windows set
  if (label === undefined || iso === '11') return undefined;
  let decoder: InstanceType<typeof TextDecoder>;
  try {
    decoder = new TextDecoder(label);
  } catch {
    return undefined;
  }
  // what the platform fills up with controls, Python does not have
  const missing = windows === undefined ? /^\ufffd$/ : /^[\u0080-\u009f\ufffd]$/;
  const characters = BYTES.map((byte) => decoder.decode(Uint8Array.of(byte)).replace(missing, ''));
  if (windows === '1253') characters[0xaa] = '';
  return single(name, characters, UNDEFINED);
}

// ── by name ───────────────────────────────────────────────────────────────────────────────────────────

const known = new Map<string, Encoding | undefined>([
  ['utf_8', utf8('utf-8', false)],
  ['utf_8_sig', utf8('utf-8-sig', true)],
  ['utf_16', marked('utf-16', 2)],
  ['utf_16_le', wide('utf-16-le', 2, 'le')],
  ['utf_16_be', wide('utf-16-be', 2, 'be')],
  ['utf_32', marked('utf-32', 4)],
  ['utf_32_le', wide('utf-32-le', 4, 'le')],
  ['utf_32_be', wide('utf-32-be', 4, 'be')],
]);

function find(name: string): Encoding | undefined {
  const plain = normalized(name);
  const family = plain.replace(/^iso_?8859_(?=\d)/, 'iso8859_').replace(/^windows_(?=125\d$)/, 'cp');
  const key = ALIASES.get(plain) ?? family;
  if (!known.has(key) && known.size < 64) known.set(key, make(key));
  return known.get(key) ?? make(key);
}

function make(key: string): Encoding | undefined {
  const upTo = (limit: number) => BYTES.map((byte) => (byte < limit ? String.fromCharCode(byte) : ''));
  if (key === 'ascii') return single('ascii', upTo(128), 'ordinal not in range(128)');
  if (key === 'latin_1') return single('latin-1', upTo(256), 'ordinal not in range(256)');
  const differences = NEAR_LATIN_1.get(key);
  return differences === undefined ? fromPlatform(key) : nearLatin1(key, differences);
}

/** `text.encode(encoding)`. @throws {RangeError} an unknown encoding, or a character that it does not have @internal */
export function encode(text: string, encoding: string): Buffer {
  const found = find(encoding);
  if (found === undefined) throw outOfRange(`unknown encoding: ${encoding}`);
  return found.encode(text);
}

/** `bytes.decode(encoding)`. @throws {RangeError} an unknown encoding, or bytes that are none of its text @internal */
export function decode(bytes: Uint8Array, encoding: string): string {
  const found = find(encoding);
  if (found === undefined) throw outOfRange(`unknown encoding: ${encoding}`);
  return found.decode(bytes);
}
