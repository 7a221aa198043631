/**
 * Texts of AMQP are bytes, and mostly UTF-8. The library gives a byte that is not UTF-8 as U+DC00 + byte, half of a
 * surrogate pair, and takes it back; JSON tools make U+FFFD of it. So such a text has to be bytes in JSON.
 */
const ESCAPES = 0xdc00;

/** The bytes that a text of the library stands for. */
export function octetsOf(text: string): Buffer {
  const pieces = Array.from(text, (sign) => {
    const byte = sign.charCodeAt(0) - ESCAPES;
    return sign.length === 1 && byte >= 0x80 && byte <= 0xff ? Buffer.of(byte) : Buffer.from(sign);
  });
  return Buffer.concat(pieces);
}

/** A text that stands for these bytes. */
export function textOf(octets: Buffer): string {
  return Array.from(octets, (byte) => String.fromCharCode(byte < 0x80 ? byte : ESCAPES + byte)).join('');
}
