/**
 * A client without a will of its own: it sends what it is told, legal or not, and keeps what comes. It has no
 * part in common with the library but the codec, and speaks to any broker.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import {
  closeFrame,
  decodeArgs,
  decodeMethodPlan,
  encodeMethod,
  openFrame,
} from '../../../src/protocol/codec';
import { CAPABILITIES, FRAME, PROTOCOL_HEADER } from '../../../src/protocol/constants';
import { ContentAssembler } from '../../../src/protocol/content';
import { Handshake, type HandshakeParams } from '../../../src/protocol/handshake';
import type { Input, Method, MethodName } from '../../../src/protocol/method-types';
import { encodeContentHeader, type Properties, type PropertiesInput } from '../../../src/protocol/properties';
import { Reader, Writer } from '../../../src/protocol/wire';

/** A method that came, with its content if it has one. */
export interface Received {
  channel: number;
  name: MethodName;
  args: Record<string, unknown>;
  properties?: Properties;
  body?: string;
}

const CEILING = 30_000;

export class RawClient {
  /** Methods that came and were not taken. */
  readonly received: Received[] = [];
  closed = false;
  frameMax = 131_072;
  heartbeats = 0;
  readonly #assemblers = new Map<number, ContentAssembler>();
  #pending: Buffer = Buffer.alloc(0);
  #handshake: Handshake | undefined;
  #waiting: (() => void)[] = [];

  private constructor(readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => this.#push(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Only the socket: not even the protocol header is sent. */
  static async dial(url: string): Promise<RawClient> {
    const { hostname: host, port, protocol } = new URL(url);
    const secure = protocol === 'amqps:';
    const options = { host, port: Number(port), rejectUnauthorized: false };
    const socket = secure ? connectTls(options) : connect(options);
    await new Promise((resolve, reject) =>
      socket.once(secure ? 'secureConnect' : 'connect', resolve).once('error', reject),
    );
    socket.setNoDelay();
    return new RawClient(socket);
  }

  /** An open connection. */
  static async open(url: string, wishes: Partial<HandshakeParams> = {}): Promise<RawClient> {
    const client = await RawClient.dial(url);
    await client.shake(url, wishes);
    return client;
  }

  /** Go through the handshake; returns when it is open or has failed. */
  async shake(url: string, wishes: Partial<HandshakeParams> = {}): Promise<void> {
    const { username, password, pathname } = new URL(url);
    this.#handshake = new Handshake({
      mechanisms: ['PLAIN'],
      username: decodeURIComponent(username) || 'guest',
      password: decodeURIComponent(password) || 'guest',
      vhost: decodeURIComponent(pathname.slice(1)) || '/',
      locale: 'en_US',
      clientProperties: { capabilities: CAPABILITIES },
      channelMax: 0,
      frameMax: 0,
      heartbeat: 0,
      ...wishes,
    });
    this.write(PROTOCOL_HEADER);
    await this.until(() => this.#handshake!.stage === 'open' || this.closed || this.received.length > 0);
    if (this.#handshake.tuning.frameMax > 0) this.frameMax = this.#handshake.tuning.frameMax;
  }

  get tuning() {
    return this.#handshake!.tuning;
  }

  write(bytes: Uint8Array): void {
    if (!this.closed) this.socket.write(bytes);
  }

  /** Send a method, and its content if `body` is given. */
  send<M extends MethodName>(
    channel: number,
    name: M,
    args: Input<M> = {},
    body?: string | Buffer,
    properties: PropertiesInput = {},
  ): void {
    const bytes = Buffer.from(body ?? '');
    const writer = new Writer(Buffer.alloc(100_000 + bytes.length * 2));
    encodeMethod(writer, channel, name, args);
    if (body !== undefined) {
      const header = openFrame(writer, FRAME.HEADER, channel);
      encodeContentHeader(writer, bytes.length, properties);
      closeFrame(writer, header);
      const most = this.frameMax - 8;
      for (let at = 0; at < bytes.length; at += most) {
        const frame = openFrame(writer, FRAME.BODY, channel);
        writer.bytes(bytes.subarray(at, at + most));
        closeFrame(writer, frame);
      }
    }
    this.write(writer.buffer.subarray(0, writer.pos));
  }

  publish(
    channel: number,
    args: Input<'basic.publish'>,
    body: string | Buffer,
    properties?: PropertiesInput,
  ): void {
    this.send(channel, 'basic.publish', args, body, properties);
  }

  /** Send a method and take what comes until its reply, or until the channel or the connection is closed. */
  async call<M extends MethodName>(channel: number, name: M, args: Input<M> = {}): Promise<Received> {
    this.send(channel, name, args);
    const reply = await this.next(
      (got) =>
        (got.channel === channel && (got.name.startsWith(`${name}-`) || got.name === 'channel.close')) ||
        got.name === 'connection.close',
    );
    return reply;
  }

  /** The first that came, or comes, and satisfies; it is taken out. */
  async next(wanted: (received: Received) => boolean = () => true): Promise<Received> {
    let found: Received | undefined;
    await this.until(() => {
      found = this.received.find(wanted);
      return found !== undefined || this.closed;
    });
    if (found === undefined) return { channel: 0, name: 'connection.close-ok', args: { lost: true } };
    this.received.splice(this.received.indexOf(found), 1);
    return found;
  }

  /** Take all that has come. */
  take(): Received[] {
    return this.received.splice(0);
  }

  /** What comes within `ms`, together with what was there. */
  async after(ms: number): Promise<Received[]> {
    await sleep(ms);
    return this.take();
  }

  async until(done: () => boolean): Promise<void> {
    const deadline = Date.now() + CEILING;
    while (!done()) {
      if (Date.now() > deadline) throw new Error(`not within ${CEILING} ms: ${done}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  end(): void {
    this.socket.destroy();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #push(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    let at = 0;
    const pending = this.#pending;
    if (pending.toString('latin1', 0, 4) === 'AMQP') {
      this.received.push({
        channel: 0,
        name: 'connection.start',
        args: { header: [...pending.subarray(4, 8)] },
      });
      at = 8;
    }
    while (pending.length - at >= 8) {
      const size = pending.readUInt32BE(at + 3);
      if (pending.length - at < size + 8) break;
      this.#frame(pending[at]!, pending.readUInt16BE(at + 1), pending.subarray(at + 7, at + 7 + size));
      at += size + 8;
    }
    this.#pending = pending.subarray(at);
    this.#wake();
  }

  #frame(type: number, channel: number, payload: Buffer): void {
    const reader = new Reader(payload);
    if (type === FRAME.HEARTBEAT) {
      this.heartbeats++;
    } else if (type === FRAME.METHOD) {
      const plan = decodeMethodPlan(reader);
      const args = decodeArgs(reader, plan);
      if (plan.content) this.#assembler(channel).method(plan, args);
      else this.#method(channel, { name: plan.name, args } as Method);
    } else {
      const assembler = this.#assembler(channel);
      const content =
        type === FRAME.HEADER ? assembler.header(reader) : assembler.body(payload, 0, payload.length);
      if (content === undefined) return;
      const { plan, args, properties, body } = content;
      this.received.push({ channel, name: plan.name, args, properties, body: body!.toString('latin1') });
    }
  }

  #assembler(channel: number): ContentAssembler {
    let assembler = this.#assemblers.get(channel);
    if (assembler === undefined) {
      assembler = new ContentAssembler(1e9);
      this.#assemblers.set(channel, assembler);
    }
    return assembler;
  }

  #method(channel: number, method: Method): void {
    if (
      this.#handshake !== undefined &&
      this.#handshake.stage !== 'open' &&
      method.name !== 'connection.close'
    ) {
      for (const { name, args } of this.#handshake.receive(method)) this.send(0, name, args as never);
      return;
    }
    this.received.push({ channel, name: method.name, args: method.args });
    if (method.name === 'channel.close') this.send(channel, 'channel.close-ok');
    if (method.name === 'connection.close') this.send(0, 'connection.close-ok');
  }
}
