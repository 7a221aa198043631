import type { Socket } from 'node:net';
import type { Broker } from '../../src/broker/broker';
import { type ClientCapabilities, type Connection, HIGH_WATER } from '../../src/broker/connection';
import type { ServerOptions } from '../../src/broker/control';
import { Failure } from '../../src/broker/failure';
import { type MethodPlan, PLANS } from '../../src/protocol/codec';
import { FRAME, FRAME_MAX_BEFORE_TUNE, PROTOCOL_HEADER } from '../../src/protocol/constants';
import type { Table } from '../../src/protocol/field-table';
import type { Method } from '../../src/protocol/method-types';
import { Refusal, ServerHandshake } from '../../src/protocol/server-handshake';
import { FrameReader } from './frames';
import { Blamed, Intake, Unspeakable } from './intake';
import { Pulse } from './pulse';

/** Milliseconds for the whole handshake. */
const HANDSHAKE_TIMEOUT = 10_000;
/** Milliseconds until a client that may not be told hears of its refusal, as with RabbitMQ. */
const SILENT_REFUSAL = 3000;
/** Milliseconds for the answer to connection.close. */
const CLOSE_TIMEOUT = 5000;

/**
 * One client and its socket: bytes become methods for the engine, the engine's frames become bytes.
 *
 *   [protocol header] --> [handshake] --> [open] --> [closing] --> socket closed
 */
export class Session {
  readonly connection: Connection;
  readonly peer: string;
  readonly #handshake: ServerHandshake;
  readonly #frames = new FrameReader(
    (type, channel, bytes, start, end) => this.#frame(type, channel, bytes, start, end),
    (failure) => this.#fail(failure),
  );
  readonly #intake: Intake;
  #greeting = Buffer.alloc(0) as Buffer;
  #greeted = false;
  #pulse: Pulse | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #stalled = false;
  #refused = false;

  constructor(
    readonly socket: Socket,
    readonly broker: Broker,
    options: ServerOptions,
    serverProperties: Table,
  ) {
    this.connection = broker.connect();
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const { channelMax, frameMax, heartbeat, mechanisms, anonymousUser, maxMessageSize } = options;
    this.#handshake = new ServerHandshake({
      serverProperties,
      mechanisms,
      anonymousUser,
      tuning: { channelMax, frameMax, heartbeat },
      frameMin: broker.rules.frameMin,
      authenticate: (username, password) => broker.knows(username, password),
    });
    this.#intake = new Intake(this, maxMessageSize);
    this.#frames.frameMax = FRAME_MAX_BEFORE_TUNE;
    this.connection.output.frameMax = FRAME_MAX_BEFORE_TUNE;
    this.#within(HANDSHAKE_TIMEOUT);
    socket.setNoDelay();
    socket.on('data', (bytes: Buffer) => this.#push(bytes));
    socket.on('drain', () => this.#drained());
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => this.#end());
  }

  /** Hang up at once. */
  kill(): void {
    this.socket.destroy();
  }

  /** Neither read nor write, as a peer that hangs, until told otherwise. */
  stall(stalled: boolean): void {
    this.#stalled = stalled;
    this.pace();
    if (!stalled) this.flush();
  }

  /**
   * Read on, or not: an alarm silences those that publish, and one who does not read is not read from, so
   * that its heartbeats are not heard either: what it reads is the sign of life then.
   */
  pace(): void {
    const isAlarmed = this.broker.alarm !== undefined && this.connection.publishes;
    const isDeaf = this.socket.writableLength > HIGH_WATER;
    if (this.#stalled || isDeaf || isAlarmed) this.socket.pause();
    else this.socket.resume();
    this.#pulse?.suspend(isAlarmed);
  }

  /** Send what waits. Nothing may follow the end. */
  flush(): void {
    if (this.#stalled || this.socket.writableEnded) return;
    this.connection.flush();
    const { socket, connection } = this;
    const pieces = connection.output.take();
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) socket.write(piece);
    if (pieces.length > 1) process.nextTick(() => socket.uncork());
    if (pieces.length > 0) this.#pulse?.sent();
    if (socket.writableLength > HIGH_WATER) {
      connection.congested = true;
      this.pace();
    }
    if (connection.state === 'over') socket.end();
    else if (connection.state === 'closing' && this.#deadline === undefined) this.#within(CLOSE_TIMEOUT);
  }

  method(channel: number, plan: MethodPlan, args: Record<string, unknown>): void {
    if (channel === 0 && this.#handshake.stage !== 'done') {
      return this.#shake({ name: plan.name, args } as Method);
    }
    if (plan === CHANNEL_CLOSE || plan === CHANNEL_CLOSE_OK) this.#intake.forget(channel);
    this.connection.receive(channel, plan, args);
  }

  message(...[channel, args, header, body, properties]: Parameters<Connection['publish']>): void {
    const { publishes } = this.connection;
    this.connection.publish(channel, args, header, body, properties);
    if (!publishes) this.pace();
  }

  tooLarge(channel: number, plan: MethodPlan, size: number): void {
    const text = `message size ${size} is larger than configured max size ${this.#intake.maxMessageSize}`;
    this.connection.refuse(channel, new Failure(406, text), plan);
  }

  #push(bytes: Buffer): void {
    this.#pulse?.heard();
    if (this.#refused) return;
    try {
      const rest = this.#greeted ? bytes : this.#greet(bytes);
      if (rest !== undefined) this.#frames.push(rest, () => this.connection.state !== 'over');
    } catch (error) {
      // what stood behind it is lost, and with it the boundaries of frames
      this.#refused = true;
      this.#fail(error);
    }
    this.connection.flush();
    if (this.connection.state === 'over') this.flush();
  }

  /** The protocol header; RabbitMQ takes those of 0-9, too. Returns what stands behind it. */
  #greet(bytes: Buffer): Buffer | undefined {
    this.#greeting = Buffer.concat([this.#greeting, bytes]);
    const isWrong = !HEADERS.some((header) =>
      header.subarray(0, this.#greeting.length).equals(this.#greeting.subarray(0, header.length)),
    );
    if (isWrong) {
      this.socket.end(PROTOCOL_HEADER);
      this.#refused = true;
      return undefined;
    }
    if (this.#greeting.length < PROTOCOL_HEADER.length) return undefined;
    this.#greeted = true;
    const { name, args } = this.#handshake.begin();
    this.connection.output.method(0, name, args as never);
    return this.#greeting.subarray(PROTOCOL_HEADER.length);
  }

  #frame(type: number, channel: number, bytes: Buffer, start: number, end: number): void {
    if (type === FRAME.HEARTBEAT) return;
    const { connection } = this;
    // of a channel that we have closed, and after connection.close, only the answer counts
    if (type !== FRAME.METHOD && !connection.listens(channel)) return this.#intake.forget(channel);
    try {
      this.#intake.frame(type, channel, bytes, start, end);
    } catch (error) {
      if (!(error instanceof Blamed)) throw error;
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (error instanceof Refusal) return this.#refuse(error);
    if (error instanceof Unspeakable) return this.kill();
    if (!this.#greeted || this.connection.state === 'handshake') return this.kill();
    if (error instanceof Blamed) this.connection.fail(error.failure, error.plan);
    else if (error instanceof Failure) this.connection.fail(error);
    else throw error;
  }

  #refuse({ replyCode, message, silent }: Refusal): void {
    this.#refused = true;
    if (!silent) {
      this.connection.fail(new Failure(replyCode, message, 'connection'));
      return this.connection.end();
    }
    setTimeout(() => this.kill(), SILENT_REFUSAL).unref();
  }

  #drained(): void {
    this.#pulse?.heard(); // it has read: its heartbeats may wait behind what we do not read
    if (!this.connection.congested) return;
    this.connection.drained();
    this.pace();
  }

  #within(ms: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.kill(), ms).unref();
  }

  #end(): void {
    clearTimeout(this.#deadline);
    this.#pulse?.stop();
    this.connection.end();
  }

  #shake(method: Method): void {
    const handshake = this.#handshake;
    for (const { name, args } of handshake.receive(method)) {
      this.connection.output.method(0, name, args as never);
    }
    if (method.name === 'connection.tune-ok') this.#frames.frameMax = handshake.tuning.frameMax;
    if (handshake.stage === 'done') this.#open();
  }

  #open(): void {
    const { username, virtualHost, tuning, clientProperties } = this.#handshake;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    const { channelMax, frameMax } = tuning;
    const capabilities = capabilitiesOf(clientProperties);
    const clientName = String(clientProperties.connection_name ?? '');
    this.connection.capabilities = capabilities;
    try {
      const vhost = this.broker.enter(virtualHost, username);
      this.connection.open({ username, vhost, channelMax, frameMax, capabilities, clientName });
      this.connection.output.method(0, 'connection.open-ok');
      this.#pulse = new Pulse(
        tuning.heartbeat,
        () => this.kill(),
        () => this.connection.output.heartbeat(),
      );
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.connection.fail(error, PLANS['connection.open']);
    }
  }
}

const CHANNEL_CLOSE = PLANS['channel.close'];
const CHANNEL_CLOSE_OK = PLANS['channel.close-ok'];

const HEADERS = [Buffer.from(PROTOCOL_HEADER), Buffer.of(0x41, 0x4d, 0x51, 0x50, 1, 1, 0, 9)];

function capabilitiesOf(clientProperties: Table): ClientCapabilities {
  const told = (clientProperties.capabilities ?? {}) as Table;
  return {
    consumerCancelNotify: told.consumer_cancel_notify === true,
    blocked: told['connection.blocked'] === true,
    authenticationFailureClose: told.authentication_failure_close === true,
  };
}
