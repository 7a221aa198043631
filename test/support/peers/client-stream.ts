import { decodeArgs, decodeMethodPlan } from '../../../src/protocol/codec';
import { FRAME, FRAME_OVERHEAD, PROTOCOL_HEADER } from '../../../src/protocol/constants';
import { ContentAssembler } from '../../../src/protocol/content';
import { FrameScanner } from '../../../src/protocol/frame';
import type { MethodName } from '../../../src/protocol/method-types';
import { Reader } from '../../../src/protocol/wire';

/** One thing the client sent: a method with its content, the protocol header, a heartbeat, or its end. */
export interface Received {
  /** Which connection of the broker, from 1. */
  connection: number;
  method: MethodName | 'header' | 'heartbeat' | 'end';
  channel: number;
  args: Record<string, unknown>;
  /** The body of a content, up to 64 KiB of it. */
  body?: Uint8Array;
  bodySize?: number;
  /** When it came, in milliseconds since 1970. */
  at: number;
}

export type Arrival = Omit<Received, 'connection' | 'at'> & {
  /** The number of a publish in confirm mode. */
  seqNo?: number;
};

const KEPT_BODY = 64 * 1024;

/**
 * Reads what a client sends, with the library's own codec turned round, and is strict about it: frames
 * within the limits of tune-ok, contents in one piece, methods that are a client's, on channels that are
 * open.
 */
export class ClientStream {
  readonly #scanner = new FrameScanner(() => {});
  readonly #assemblers = new Map<number, ContentAssembler>();
  /** Channels that the client may send on. */
  readonly #open = new Set([0]);
  #rest: Buffer = Buffer.alloc(0);
  #headerSeen = false;
  /** Bytes of the stream behind the header that are frames already read. */
  #consumed = 0;

  constructor(readonly arrived: (arrival: Arrival) => void) {
    this.#scanner.channelMax = 0xffff;
  }

  /** @throws {Error} the client broke the protocol */
  push(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (this.#headerSeen) this.#scanner.push(bytes);
    else if (!this.#readHeader()) return;
    const whole = this.#scanner.boundary - this.#consumed;
    let at = 0;
    while (at < whole) {
      const size = this.#rest.readUInt32BE(at + 3);
      const reader = new Reader().source(this.#rest, at + 7, at + 7 + size);
      this.#readFrame(this.#rest[at]!, this.#rest.readUInt16BE(at + 1), reader);
      at += size + FRAME_OVERHEAD;
    }
    this.#consumed += whole;
    this.#rest = this.#rest.subarray(whole);
  }

  #readHeader(): boolean {
    if (this.#rest.length < PROTOCOL_HEADER.length) return false;
    const header = this.#rest.subarray(0, PROTOCOL_HEADER.length);
    if (!header.equals(PROTOCOL_HEADER)) throw new Error(`protocol header ${header.toString('hex')}`);
    this.#headerSeen = true;
    this.#rest = this.#rest.subarray(PROTOCOL_HEADER.length);
    this.arrived({ method: 'header', channel: 0, args: {} });
    this.#scanner.push(this.#rest);
    return true;
  }

  #readFrame(type: number, channel: number, reader: Reader): void {
    if (type === FRAME.HEARTBEAT) return this.arrived({ method: 'heartbeat', channel, args: {} });
    const assembler = this.#assembler(channel);
    if (type === FRAME.METHOD) return this.#readMethod(channel, reader, assembler);
    if (!this.#open.has(channel)) throw new Error(`content on channel ${channel}, which is not open`);
    const content =
      type === FRAME.HEADER
        ? assembler.header(reader)
        : assembler.body(reader.buffer, reader.pos, reader.end);
    if (content === undefined) return;
    const { plan, args, body, bodySize } = content;
    this.arrived({
      method: plan.name,
      channel,
      args: { ...args },
      body: body!.subarray(0, KEPT_BODY),
      bodySize,
    });
  }

  #readMethod(channel: number, reader: Reader, assembler: ContentAssembler): void {
    const plan = decodeMethodPlan(reader);
    if (plan.from === 'server') throw new Error(`${plan.name} is not for a client to send`);
    const args = decodeArgs(reader, plan);
    // a channel may be closed in the middle of a content: nothing of it will follow
    if (plan.name !== 'channel.close-ok') assembler.refuse('method', plan.name);
    this.#checkChannel(channel, plan.name);
    if (plan.content) return assembler.method(plan, args);
    if (plan.name === 'connection.tune-ok') this.#limit(args as { channelMax: number; frameMax: number });
    this.arrived({ method: plan.name, channel, args });
  }

  #checkChannel(channel: number, method: MethodName): void {
    if (method === 'channel.open') {
      if (this.#open.has(channel)) throw new Error(`channel.open on channel ${channel}, which is open`);
      this.#open.add(channel);
    } else if (method === 'channel.close' || method === 'channel.close-ok') {
      this.#open.delete(channel);
      this.#assemblers.delete(channel);
    } else if (!this.#open.has(channel)) {
      throw new Error(`${method} on channel ${channel}, which is not open`);
    }
  }

  #limit({ channelMax, frameMax }: { channelMax: number; frameMax: number }): void {
    this.#scanner.frameMax = frameMax || Number.MAX_SAFE_INTEGER;
    this.#scanner.headerMax = this.#scanner.frameMax; // RabbitMQ holds clients to it
    this.#scanner.channelMax = channelMax || 0xffff;
  }

  #assembler(channel: number): ContentAssembler {
    let assembler = this.#assemblers.get(channel);
    if (assembler === undefined) {
      assembler = new ContentAssembler(Number.MAX_SAFE_INTEGER);
      this.#assemblers.set(channel, assembler);
    }
    return assembler;
  }
}
