import { MAX_SHORTSTR } from './constants';

/**
 * Strings on the wire are UTF-8, but nothing stops a peer from sending other bytes. A byte that is not
 * UTF-8 becomes the lone surrogate U+DC00 + byte (Python calls this surrogateescape) and that surrogate
 * becomes the same byte again: whatever was read can be sent back unchanged and never grows.
 */
const ESCAPE_BASE = 0xdc00;

/** The start of `text` that fits into a short string; for texts that only inform. */
export function fitShortstr(text: string): string {
  let end = 0;
  let size = 0;
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > MAX_SHORTSTR) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** Decode `bytes[start, end)`, keeping bytes that are not UTF-8 as escapes. */
export function decodeUtf8(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return text.includes('\ufffd') ? decodeEscaped(bytes.subarray(start, end), text) : text;
}

function decodeEscaped(bytes: Buffer, lenient: string): string {
  if (Buffer.from(lenient).equals(bytes)) return lenient; // the peer did send U+FFFD itself
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const size = sequenceLength(bytes[at]!);
    const character = bytes.toString('utf8', at, at + size);
    const valid =
      Buffer.byteLength(character) === size && bytes.subarray(at, at + size).equals(Buffer.from(character));
    text += valid ? character : String.fromCharCode(ESCAPE_BASE + bytes[at]!);
    at += valid ? size : 1;
  }
  return text;
}

/** Bytes that the character that starts with `lead` would have. */
function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** The bytes of a string that may hold escapes; only called when `isWellFormed` said no. */
export function encodeEscaped(text: string): Buffer {
  const pieces: Buffer[] = [];
  for (const character of text) {
    const unit = character.charCodeAt(0);
    const escaped = character.length === 1 && unit >= ESCAPE_BASE + 0x80 && unit <= ESCAPE_BASE + 0xff;
    pieces.push(escaped ? Buffer.of(unit - ESCAPE_BASE) : Buffer.from(character));
  }
  return Buffer.concat(pieces);
}
