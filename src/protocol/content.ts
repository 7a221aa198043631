import { copyBytes } from '../bytes';
import type { MethodPlan } from './codec';
import { FRAME_OVERHEAD } from './constants';
import { type ContentHeader, decodeContentHeader, type Properties } from './properties';
import { ProtocolViolation } from './violation';
import type { Reader } from './wire';

/** The most body bytes that fit in one frame. */
export function bodyCapacity(frameMax: number): number {
  return frameMax - FRAME_OVERHEAD;
}

/** A method with its content. `body` is absent when it was announced larger than the limit and skipped. */
export interface Content {
  plan: MethodPlan;
  args: Record<string, unknown>;
  properties: Properties;
  bodySize: number;
  body: Buffer | undefined;
}

/** Bytes that are allocated on a peer's word alone; beyond it memory follows the bytes that really came. */
const TRUSTED_SIZE = 1 << 20;
const NO_BODY = Buffer.alloc(0);
/** `Buffer` is a getter of the global object: asking it for every message has its price. */
const { allocUnsafe } = Buffer;

/**
 * The assembler of one channel's contents, by bytes remaining and never by counting frames.
 *
 *            method with content        header, size > 0         body frames
 *    [none] --------------------> [header] -----------> [body] ----- until 0 remain ----> [none]
 *       ^                            | size 0                                 |
 *       +------- content is complete +-----------------------------------------
 *
 * Any other frame in between is the peer's mistake: 505, unexpected frame.
 */
export class ContentAssembler {
  #plan: MethodPlan | undefined;
  #args: Record<string, unknown> = {};
  #header: ContentHeader | undefined;
  #body: Buffer | undefined;
  #received = 0;

  /** `maxBodySize`: larger bodies are read past, not kept. */
  constructor(readonly maxBodySize: number) {}

  /** Kind of frame that has to come next on the channel. */
  get expects(): 'method' | 'header' | 'body' {
    if (this.#plan === undefined) return 'method';
    return this.#header === undefined ? 'header' : 'body';
  }

  /** A method frame came. @throws {ProtocolViolation} 505 inside another content */
  method(plan: MethodPlan, args: Record<string, unknown>): void {
    this.refuse('method', plan.name);
    this.#plan = plan;
    this.#args = args;
  }

  /** @throws {ProtocolViolation} 505 when a frame of another type is due */
  refuse(kind: 'method' | 'header' | 'body', got: string = kind): void {
    if (this.expects !== kind) {
      throw new ProtocolViolation(
        505,
        'unexpected frame',
        this.#plan?.name ?? 'channel',
        `a ${this.expects} frame`,
        got,
      );
    }
  }

  /** A content header came; returns the content if it has no body. */
  header(reader: Reader): Content | undefined {
    this.refuse('header');
    const header = decodeContentHeader(reader);
    this.#header = header;
    this.#received = 0;
    const kept = header.bodySize <= this.maxBodySize;
    this.#body = kept ? allocate(Math.min(header.bodySize, TRUSTED_SIZE)) : undefined;
    return header.bodySize === 0 ? this.#complete() : undefined;
  }

  /** A piece of body came; returns the content when it was the last. */
  body(bytes: Buffer, start: number, end: number): Content | undefined {
    this.refuse('body');
    const { bodySize } = this.#header!;
    const received = this.#received + end - start;
    if (received > bodySize) {
      throw new ProtocolViolation(
        505,
        'body longer than announced',
        this.#plan!.name,
        `${bodySize} bytes`,
        received,
      );
    }
    if (this.#body !== undefined) {
      if (received > this.#body.length) this.#body = grow(this.#body, this.#received, received, bodySize);
      copyBytes(bytes, start, end, this.#body, this.#received);
    }
    this.#received = received;
    return received === bodySize ? this.#complete() : undefined;
  }

  #complete(): Content {
    const content: Content = {
      plan: this.#plan!,
      args: this.#args,
      properties: this.#header!.properties,
      bodySize: this.#header!.bodySize,
      body: this.#body,
    };
    this.#plan = undefined;
    this.#header = undefined;
    this.#body = undefined;
    return content;
  }
}

function allocate(size: number): Buffer {
  return size === 0 ? NO_BODY : allocUnsafe(size);
}

/** Double, but never past what was announced: the copies stay linear, the memory honest. */
function grow(body: Buffer, used: number, needed: number, announced: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(announced, Math.max(needed, body.length * 2)));
  body.copy(larger, 0, 0, used);
  return larger;
}
