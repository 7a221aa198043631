import { FRAME, FRAME_HEADER_SIZE } from '../../protocol/constants';

/**
 * What stands in front of a body: the method frame, the header frame and the beginning of the body frame.
 * It is the same for every message with the same address and properties, but for the size of the body.
 */
export class PreparedPublish {
  readonly bytes: Uint8Array;
  /** Where the two sizes of the body are: the low half in the header frame, and in the body frame. */
  readonly bodySizeAt: number;
  readonly frameSizeAt: number;
  /** The method and header frame alone, for a message without a body. */
  readonly sizeWithoutBody: number;

  readonly #names: readonly string[];
  readonly #values: readonly unknown[];

  /**
   * `written` are the method and header frame as they were encoded, for the channel `channel`; `headerAt` is
   * where the second begins.
   */
  constructor(
    options: object,
    /** A string sets contentEncoding, where bytes do not. */
    readonly isText: boolean,
    written: Uint8Array,
    headerAt: number,
    channel: number,
  ) {
    this.#names = Object.keys(options);
    this.#values = Object.values(options);
    this.sizeWithoutBody = written.length;
    const bytes = Buffer.alloc(written.length + FRAME_HEADER_SIZE);
    bytes.set(written);
    bytes[written.length] = FRAME.BODY;
    bytes.writeUInt16BE(channel, written.length + 1);
    this.bytes = bytes;
    // class (2), weight (2), high half of the size (4)
    this.bodySizeAt = headerAt + FRAME_HEADER_SIZE + 8;
    this.frameSizeAt = written.length + 3;
  }

  /** Are these options, name by name, the ones it was made of? */
  fits(options: object, isText: boolean): boolean {
    if (isText !== this.isText) return false;
    const names = this.#names;
    const values = this.#values;
    let index = 0;
    // inherited names count too: what somebody put on Object.prototype leads to the long way
    for (const name in options) {
      if (name !== names[index] || (options as Options)[name] !== values[index]) return false;
      index++;
    }
    // own names come first: if the last is one, all are
    return index === names.length && (index === 0 || Object.hasOwn(options, names[index - 1]!));
  }
}

type Options = Readonly<Record<string, unknown>>;

/** As many addresses may take turns. */
const MOST_PREPARED = 8;
/** After so many misses in a row, addresses seem to be used once only: few are worth keeping. */
const HOPELESS = 32;
const NOW_AND_THEN = 64;

/** The latest publishes of a channel, prepared. */
export class PreparedPublishes {
  readonly #kept: PreparedPublish[] = [];
  #latest: PreparedPublish | undefined;
  #next = 0;
  #misses = 0;

  find(options: object, isText: boolean): PreparedPublish | undefined {
    if (this.#latest?.fits(options, isText)) return this.#latest;
    const prepared = this.#kept.find((each) => each.fits(options, isText));
    if (prepared === undefined) {
      this.#misses++;
      return undefined;
    }
    this.#misses = 0;
    this.#latest = prepared;
    return prepared;
  }

  /** Is it worth the while to keep what was just written? */
  wanted(options: object): boolean {
    if (this.#misses > HOPELESS && this.#misses % NOW_AND_THEN !== 0) return false;
    for (const name in options) {
      // what can change while it stays the same (headers, a Date) has to be written anew
      const value = (options as Options)[name];
      if ((typeof value === 'object' && value !== null) || !Object.hasOwn(options, name)) return false;
    }
    return true;
  }

  keep(prepared: PreparedPublish): void {
    this.#kept[this.#next] = prepared;
    this.#next = (this.#next + 1) % MOST_PREPARED;
    this.#latest = prepared;
  }
}
