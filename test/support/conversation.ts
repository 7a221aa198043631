import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as soon, setTimeout as delay } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import { decodeArgs, decodeMethodPlan, encodeMethod, type MethodPlan, PLANS } from '../../src/protocol/codec';
import { FRAME, FRAME_OVERHEAD, PROTOCOL_HEADER } from '../../src/protocol/constants';
import { ContentAssembler } from '../../src/protocol/content';
import { FrameScanner } from '../../src/protocol/frame';
import type { Input, MethodName } from '../../src/protocol/method-types';
import { Reader, Writer } from '../../src/protocol/wire';
import type { Script, Step } from './script';

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

/** Where a conversation reports to. */
export interface Listener {
  received(entry: Received): void;
  /** How many steps of the script still wait for the client. */
  owed(count: number): void;
  finished(): void;
  failed(difference: string): void;
  /** Resolves when the test has given the signal. */
  signal(name: string): Promise<void>;
}

const KEPT_BODY = 64 * 1024;
const HEARTBEAT = Uint8Array.of(FRAME.HEARTBEAT, 0, 0, 0, 0, 0, 0, 0xce);
const OBLIGING: readonly Step['step'][] = ['header', 'expects', 'end'];

/** The client did something else than the script says. */
class Difference extends Error {}

/** One connection of a scripted broker: reads with the library's codec, and runs the script. */
export class Conversation {
  readonly #scanner = new FrameScanner(() => {});
  readonly #assemblers = new Map<number, ContentAssembler>();
  /** Channels that the client may send on. */
  readonly #open = new Set<number>([0]);
  /** Sequence numbers of channels in confirm mode, for `serve`. */
  readonly #confirms = new Map<number, number>();
  #rest: Buffer = Buffer.alloc(0);
  #headerSeen = false;
  #consumed = 0;

  readonly #queue: Received[] = [];
  readonly #history: string[] = [];
  #wake = () => {};
  #left = false;
  #split = 0;
  #pause = 0;
  #beat: NodeJS.Timeout | undefined;
  #owed: number;

  constructor(
    readonly number: number,
    readonly socket: Socket,
    readonly script: Script,
    readonly listener: Listener,
  ) {
    this.#owed = script.filter(({ step }) => OBLIGING.includes(step)).length;
    listener.owed(this.#owed);
    this.#scanner.channelMax = 0xffff;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', () => {});
    socket.on('end', () => this.#ended());
    socket.on('close', () => this.#ended());
    void this.#run();
  }

  close(): void {
    clearInterval(this.#beat);
    this.socket.destroy();
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────

  #read(bytes: Buffer): void {
    try {
      this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
      if (this.#headerSeen) this.#scanner.push(bytes);
      else if (!this.#readHeader()) return;
      this.#readFrames();
    } catch (error) {
      this.#failed(`the client broke the protocol: ${(error as Error).message}`);
    }
  }

  #readHeader(): boolean {
    if (this.#rest.length < PROTOCOL_HEADER.length) return false;
    const header = this.#rest.subarray(0, PROTOCOL_HEADER.length);
    if (!header.equals(PROTOCOL_HEADER)) throw new Error(`protocol header ${header.toString('hex')}`);
    this.#headerSeen = true;
    this.#rest = this.#rest.subarray(PROTOCOL_HEADER.length);
    this.#record('header', 0, {});
    this.#scanner.push(this.#rest);
    return true;
  }

  #readFrames(): void {
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

  #readFrame(type: number, channel: number, reader: Reader): void {
    if (type === FRAME.HEARTBEAT) return this.#record('heartbeat', channel, {});
    const assembler = this.#assembler(channel);
    if (type === FRAME.METHOD) return this.#readMethod(channel, reader, assembler);
    if (!this.#open.has(channel)) throw new Error(`content on channel ${channel}, which is not open`);
    const content =
      type === FRAME.HEADER
        ? assembler.header(reader)
        : assembler.body(reader.buffer, reader.pos, reader.end);
    if (content === undefined) return;
    const { plan, args, body, bodySize } = content;
    this.#record(plan.name, channel, args, { body: body!.subarray(0, KEPT_BODY), bodySize });
  }

  #readMethod(channel: number, reader: Reader, assembler: ContentAssembler): void {
    const plan = decodeMethodPlan(reader);
    if (plan.from === 'server') throw new Error(`${plan.name} is not for a client to send`);
    const args = decodeArgs(reader, plan);
    assembler.refuse('method', plan.name);
    this.#checkChannel(channel, plan);
    if (plan.content) return assembler.method(plan, args);
    if (plan.name === 'connection.tune-ok') this.#limit(args as Input<'connection.tune-ok'>);
    this.#record(plan.name, channel, args);
  }

  #checkChannel(channel: number, { name }: MethodPlan): void {
    if (name === 'channel.open') this.#open.add(channel);
    else if (!this.#open.has(channel) && name !== 'channel.close-ok')
      throw new Error(`${name} on channel ${channel}, which is not open`);
    if (name === 'channel.close' || name === 'channel.close-ok') this.#open.delete(channel);
  }

  #limit({ channelMax, frameMax }: Input<'connection.tune-ok'>): void {
    this.#scanner.frameMax = frameMax || Number.MAX_SAFE_INTEGER;
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

  #ended(): void {
    if (this.#left) return;
    this.#left = true;
    clearInterval(this.#beat);
    this.#record('end', 0, {});
  }

  #record(method: Received['method'], channel: number, args: object, content: Partial<Received> = {}): void {
    const entry = { connection: this.number, method, channel, args: { ...args }, ...content, at: Date.now() };
    this.#history.push(method);
    this.listener.received(entry);
    if (method === 'heartbeat') return;
    this.#queue.push(entry);
    this.#wake();
  }

  /** The oldest thing that no step has looked at. */
  async #next(): Promise<Received> {
    while (this.#queue.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#queue[0]!;
  }

  // ── running the script ──────────────────────────────────────────────────────────────────────────────

  async #run(): Promise<void> {
    for (const [index, step] of this.script.entries()) {
      try {
        await this.#do(step);
      } catch (error) {
        if (!(error instanceof Difference)) throw error;
        return this.#failed(`step ${index + 1} of ${this.script.length}: ${error.message}`);
      }
      if (OBLIGING.includes(step.step)) this.listener.owed(--this.#owed);
    }
    this.listener.finished();
  }

  #failed(difference: string): void {
    const before = this.#history.join(', ') || 'nothing';
    this.listener.failed(`connection ${this.number}, ${difference}\n  all that came: ${before}`);
    this.socket.destroy();
  }

  async #do(step: Step): Promise<unknown> {
    switch (step.step) {
      case 'header':
      case 'end':
      case 'expects':
        return this.#expect(step);
      case 'bytes':
        return this.#write(step.bytes);
      case 'split':
        this.#split = step.size;
        this.#pause = step.pause;
        return;
      case 'stall':
        return delay(step.ms);
      case 'waitFor':
        return this.listener.signal(step.signal);
      case 'reading':
        return step.on ? this.socket.resume() : this.socket.pause();
      case 'beat':
        this.#beat = setInterval(() => this.socket.write(HEARTBEAT), step.ms);
        return;
      case 'serve':
        return this.#serve(step.until);
      case 'loop':
        while (!this.#left) await this.#repeat(step.steps);
        return;
      case 'cut':
        return step.rst ? this.socket.resetAndDestroy() : this.socket.end();
    }
  }

  async #repeat(steps: Script): Promise<void> {
    for (const step of steps) {
      if (OBLIGING.includes(step.step) && (await this.#next()).method === 'end') return;
      await this.#do(step);
    }
  }

  async #expect(step: Step): Promise<void> {
    const got = await this.#next();
    if (!matches(step, got)) {
      throw new Difference(
        `the broker expected\n    ${describeStep(step)}\n  but the client sent\n    ${describe(got)}`,
      );
    }
    this.#queue.shift();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const size = this.#split || bytes.length;
    for (let at = 0; at < bytes.length && !this.#left && this.socket.writable; at += size) {
      if (!this.socket.write(bytes.subarray(at, at + size))) {
        await Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')]).catch(() => {});
      }
      if (this.#split > 0) await (this.#pause > 0 ? delay(this.#pause) : soon());
    }
  }

  // ── an ordinary broker ──────────────────────────────────────────────────────────────────────────────

  async #serve(until: MethodName | undefined): Promise<void> {
    for (;;) {
      const { method, channel, args } = await this.#next();
      if (method === until || method === 'end') return;
      this.#queue.shift();
      if (method === 'basic.publish') this.#confirm(channel);
      const reply = method === 'header' || method === 'heartbeat' ? undefined : PLANS[method].replies.at(-1);
      if (reply === undefined || args.noWait === true) continue;
      if (method === 'confirm.select') this.#confirms.set(channel, 0);
      this.#send(reply, channel, args);
      if (method === 'connection.close') this.socket.end();
    }
  }

  #confirm(channel: number): void {
    const published = this.#confirms.get(channel);
    if (published === undefined) return;
    this.#confirms.set(channel, published + 1);
    this.#send('basic.ack', channel, { deliveryTag: published + 1 });
  }

  /** A reply repeats what it has in common with the request: the queue's name, the consumer tag. */
  #send(method: MethodName, channel: number, args: Record<string, unknown>): void {
    const writer = new Writer(Buffer.alloc(4096));
    encodeMethod(writer, channel, method, args as Input<MethodName>);
    if (this.socket.writable) this.socket.write(writer.buffer.subarray(0, writer.pos));
  }
}

function matches(step: Step, got: Received): boolean {
  if (step.step !== 'expects') return got.method === step.step;
  const { method, channel, args, body } = step;
  if (got.method !== method || (channel !== undefined && got.channel !== channel)) return false;
  if (body !== undefined && Buffer.from(got.body ?? []).toString() !== body) return false;
  return Object.entries(args).every(([name, value]) => isDeepStrictEqual(got.args[name], value));
}

function describeStep(step: Step): string {
  if (step.step !== 'expects') return step.step === 'end' ? 'the end of the connection' : 'the protocol header';
  const { method, channel, args, body } = step;
  return words(method, channel, args, body);
}

function describe({ method, channel, args, body }: Received): string {
  if (method === 'end') return 'the end of the connection';
  return words(method, channel, args, body && Buffer.from(body).toString('utf8', 0, 200));
}

function words(method: string, channel: number | undefined, args: object, body: string | undefined): string {
  const where = channel === undefined ? '' : ` on channel ${channel}`;
  return `${method}${where} ${inspect(args, { breakLength: Number.POSITIVE_INFINITY })}${body === undefined ? '' : ` with body ${inspect(body)}`}`;
}
