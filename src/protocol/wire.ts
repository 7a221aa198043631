import { copyBytes } from '../bytes';
import { outOfRange, wrongType } from '../caller';
import { MAX_SHORTSTR } from './constants';
import { decodeUtf8, encodeEscaped } from './utf8';
import { ProtocolViolation } from './violation';

/** Thrown by a Writer whose target is full; the caller retries with more room or refuses the input. */
export class OutOfRoom extends Error {}

const OUT_OF_ROOM = new OutOfRoom('no room left in the target');

/**
 * A cursor that writes AMQP's elementary values into memory it is given (a ring, a scratch buffer).
 * Values are validated here, so that a wrong one is refused by name before anything is committed:
 * `at` is the argument being written, for the sentence the caller reads.
 */
export class Writer {
  buffer: Buffer;
  pos = 0;
  end = 0;
  at = '';

  constructor(buffer: Buffer = Buffer.alloc(0)) {
    this.buffer = buffer;
    this.end = buffer.length;
  }

  target(buffer: Buffer, pos: number, end: number): this {
    this.buffer = buffer;
    this.pos = pos;
    this.end = end;
    return this;
  }

  /** Claim `size` bytes and return where they start. */
  take(size: number): number {
    const start = this.pos;
    if (start + size > this.end) throw OUT_OF_ROOM;
    this.pos = start + size;
    return start;
  }

  octet(value: unknown): void {
    this.buffer[this.take(1)] = this.integer(value, 0, 0xff);
  }
  int8(value: unknown): void {
    this.buffer[this.take(1)] = this.integer(value, -0x80, 0x7f);
  }
  short(value: unknown): void {
    this.buffer.writeUInt16BE(this.integer(value, 0, 0xffff), this.take(2));
  }
  int16(value: unknown): void {
    this.buffer.writeInt16BE(this.integer(value, -0x8000, 0x7fff), this.take(2));
  }
  long(value: unknown): void {
    this.buffer.writeUInt32BE(this.integer(value, 0, 0xffff_ffff), this.take(4));
  }
  int32(value: unknown): void {
    this.buffer.writeInt32BE(this.integer(value, -0x8000_0000, 0x7fff_ffff), this.take(4));
  }
  float(value: unknown): void {
    this.buffer.writeFloatBE(this.number(value), this.take(4));
  }
  double(value: unknown): void {
    this.buffer.writeDoubleBE(this.number(value), this.take(8));
  }

  /** Unsigned 64 bits from a number (up to 2^53-1) or a bigint. */
  longlong(value: unknown): void {
    if (typeof value === 'number') {
      const whole = this.integer(value, 0, Number.MAX_SAFE_INTEGER);
      const start = this.take(8);
      this.buffer.writeUInt32BE(Math.floor(whole / 0x1_0000_0000), start);
      this.buffer.writeUInt32BE(whole >>> 0, start + 4);
    } else {
      this.buffer.writeBigUInt64BE(this.bigInteger(value, 0n, 0xffff_ffff_ffff_ffffn), this.take(8));
    }
  }

  /** Signed 64 bits from a number (within ±2^53-1) or a bigint. */
  int64(value: unknown): void {
    const whole = typeof value === 'number' ? BigInt(this.safeInteger(value)) : value;
    this.buffer.writeBigInt64BE(
      this.bigInteger(whole, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn),
      this.take(8),
    );
  }

  /** A string of at most 255 bytes, behind its length in one octet. */
  shortstr(value: unknown): void {
    if (typeof value !== 'string') throw wrongType(`${this.at} must be a string, got ${typeName(value)}`);
    const room = Math.min(this.end - this.pos - 1, MAX_SHORTSTR);
    // up to three bytes per UTF-16 unit: a string this short fits for certain, and is measured by writing it
    const size = value.length * 3 <= room ? this.buffer.write(value, this.pos + 1) : Buffer.byteLength(value);
    if (size !== value.length && !value.isWellFormed()) return this.shortBytes(encodeEscaped(value));
    if (size > MAX_SHORTSTR) this.tooLong(size);
    const start = this.take(1 + size);
    this.buffer[start] = size;
    if (value.length * 3 > room) this.buffer.write(value, start + 1);
  }

  private shortBytes(bytes: Buffer): void {
    if (bytes.length > MAX_SHORTSTR) this.tooLong(bytes.length);
    const start = this.take(1 + bytes.length);
    this.buffer[start] = bytes.length;
    bytes.copy(this.buffer, start + 1);
  }

  private tooLong(size: number): never {
    throw outOfRange(`${this.at} is ${size} bytes long in UTF-8; AMQP allows at most ${MAX_SHORTSTR}`);
  }

  /** A string or bytes behind their length in four octets. */
  longstr(value: unknown): void {
    if (typeof value === 'string') {
      const size = Buffer.byteLength(value);
      if (size !== value.length && !value.isWellFormed()) return this.longstr(encodeEscaped(value));
      this.long(size);
      this.buffer.write(value, this.take(size));
    } else if (value instanceof Uint8Array || isBytes(value)) {
      this.long(value.length);
      this.bytes(value);
    } else {
      throw wrongType(`${this.at} must be a string or bytes, got ${typeName(value)}`);
    }
  }

  /** Bytes as they are. */
  bytes(value: Uint8Array): void {
    copyBytes(value, 0, value.length, this.buffer, this.take(value.length));
  }

  boolean(value: unknown): boolean {
    if (typeof value !== 'boolean')
      throw wrongType(`${this.at} must be true or false, got ${typeName(value)}`);
    return value;
  }

  private number(value: unknown): number {
    if (typeof value !== 'number') throw wrongType(`${this.at} must be a number, got ${typeName(value)}`);
    return value;
  }

  private safeInteger(value: number): number {
    return this.integer(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  }

  private integer(value: unknown, least: number, most: number): number {
    if (typeof value === 'number' && value >= least && value <= most && Number.isInteger(value)) return value;
    return this.refuseNumber(value, least, most);
  }

  private refuseNumber(value: unknown, least: number, most: number): never {
    const wanted = `${this.at} must be a whole number from ${least} to ${most}`;
    if (typeof value !== 'number') throw wrongType(`${wanted}, got ${typeName(value)}`);
    throw outOfRange(`${wanted}, got ${value}`);
  }

  private bigInteger(value: unknown, least: bigint, most: bigint): bigint {
    if (typeof value !== 'bigint') {
      throw wrongType(`${this.at} must be a whole number or a bigint, got ${typeName(value)}`);
    }
    if (value < least || value > most) {
      throw outOfRange(`${this.at} must be from ${least} to ${most}, got ${value}`);
    }
    return value;
  }
}

/** Bytes that `write` writes, in memory that is made as large as it takes. */
export function encoded(write: (writer: Writer) => void): Buffer {
  for (let size = 1024; ; size *= 4) {
    const writer = new Writer(Buffer.allocUnsafe(size));
    try {
      write(writer);
      return writer.buffer.subarray(0, writer.pos);
    } catch (error) {
      if (!(error instanceof OutOfRoom)) throw error;
    }
  }
}

/** Bytes of another realm (a jest sandbox, a vm context) fail `instanceof`. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/** Type of a value as a person would call it, without ever printing its content. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return value === undefined ? 'undefined' : `a ${typeof value}`;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  const name = tag === 'Object' ? constructorName(value) : tag;
  if (name === 'Object') return 'an object';
  return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
}

function constructorName(value: object): string {
  const prototype = Object.getPrototypeOf(value);
  const name =
    prototype === null ? undefined : Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value?.name;
  return typeof name === 'string' && name !== '' ? name : 'Object';
}

/**
 * A cursor that reads AMQP's elementary values. Every read is checked against `end` before it happens;
 * `at` is the field being read, for the error that names it.
 */
export class Reader {
  buffer: Buffer;
  pos = 0;
  end = 0;
  at = '';

  constructor(buffer: Buffer = Buffer.alloc(0)) {
    this.buffer = buffer;
    this.end = buffer.length;
  }

  source(buffer: Buffer, pos: number, end: number): this {
    this.buffer = buffer;
    this.pos = pos;
    this.end = end;
    return this;
  }

  get remaining(): number {
    return this.end - this.pos;
  }

  /** Step over `size` bytes and return where they start. */
  take(size: number): number {
    const start = this.pos;
    if (size > this.end - start) {
      throw new ProtocolViolation(
        502,
        'truncated value',
        this.at,
        `${size} bytes`,
        `${this.end - start} bytes`,
      );
    }
    this.pos = start + size;
    return start;
  }

  octet(): number {
    return this.buffer[this.take(1)]!;
  }
  int8(): number {
    return this.buffer.readInt8(this.take(1));
  }
  short(): number {
    const at = this.take(2);
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!;
  }
  int16(): number {
    return this.buffer.readInt16BE(this.take(2));
  }
  long(): number {
    return uint32(this.buffer, this.take(4));
  }
  int32(): number {
    return this.buffer.readInt32BE(this.take(4));
  }
  float(): number {
    return this.buffer.readFloatBE(this.take(4));
  }
  double(): number {
    return this.buffer.readDoubleBE(this.take(8));
  }
  uint64(): bigint {
    return this.buffer.readBigUInt64BE(this.take(8));
  }
  int64(): bigint {
    return this.buffer.readBigInt64BE(this.take(8));
  }

  /** Unsigned 64 bits as a number: tags and sizes beyond 2^53-1 are a broken peer. */
  longlong(): number {
    const start = this.take(8);
    const high = uint32(this.buffer, start);
    if (high > 0x1f_ffff) {
      const got = this.buffer.readBigUInt64BE(start).toString();
      throw new ProtocolViolation(502, 'number out of range', this.at, 'at most 2^53-1', got);
    }
    return high * 0x1_0000_0000 + uint32(this.buffer, start + 4);
  }

  shortstr(): string {
    const size = this.octet();
    const start = this.take(size);
    return decodeUtf8(this.buffer, start, start + size);
  }
  longstr(): string {
    const size = this.long();
    const start = this.take(size);
    return decodeUtf8(this.buffer, start, start + size);
  }
  /** A copy: what is read from belongs to a ring. */
  longbytes(): Buffer {
    const size = this.long();
    const start = this.take(size);
    return Buffer.from(this.buffer.subarray(start, start + size));
  }
}

/** Like readUInt32BE, for what has been checked already: by far the most numbers are read here. */
export function uint32(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 0x100_0000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
}

/** Like writeUInt32BE, for what has been checked already. */
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
