import type { Socket } from 'node:net';
import { type BrokerConnection, type ClientCapabilities, HIGH_WATER } from '../../src/broker/connection';
import type { ServerOptions } from '../../src/broker/control';
import type { Engine } from '../../src/broker/engine';
import { Failure } from '../../src/broker/failure';
import { type MethodPlan, PLANS } from '../../src/protocol/codec';
import { FRAME, PROTOCOL_HEADER } from '../../src/protocol/constants';
import type { Table } from '../../src/protocol/field-table';
import type { Method } from '../../src/protocol/method-types';
import { Refusal, ServerHandshake } from '../../src/protocol/server-handshake';
import { CommandAssembler, MethodFailure, SilentClose } from './command-assembler';
import { FrameReader } from './frames';
import { BrokerHeartbeat } from './heartbeat';

/** Milliseconds for the whole handshake. */
const HANDSHAKE_TIMEOUT = 10_000;
/** Milliseconds until a client without authentication_failure_close is disconnected, as with RabbitMQ. */
const SILENT_REFUSAL = 3000;
/** Milliseconds for the answer to connection.close. */
const CLOSE_TIMEOUT = 5000;

/**
 * The session with a client, of one socket: bytes become methods for the engine, the engine's frames become bytes.
 *
 *   [protocol header] --> [handshake] --> [open] --> [closing] --> socket closed
 */
export class BrokerSession {
  readonly connection: BrokerConnection;
  readonly peer: string;
  readonly #handshake: ServerHandshake;
  readonly #frames = new FrameReader(
    (type, channel, bytes, start, end) => this.#frame(type, channel, bytes, start, end),
    (failure) => this.#fail(failure),
  );
  readonly #assembler: CommandAssembler;
  #protocolHeader = Buffer.alloc(0) as Buffer;
  #hasProtocolHeader = false;
  #heartbeat: BrokerHeartbeat | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #stalled = false;
  /** Whether it has sent much in this turn of the thread, which is the others' now. */
  #hasHadItsTurn = false;
  #refused = false;

  constructor(
    readonly socket: Socket,
    readonly engine: Engine,
    options: ServerOptions,
    serverProperties: Table,
  ) {
    this.connection = engine.connect();
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const { channelMax, frameMax, heartbeat, mechanisms, anonymousUser, maxMessageSize } = options;
    this.#handshake = new ServerHandshake({
      serverProperties,
      mechanisms,
      anonymousUser,
      tuning: { channelMax, frameMax, heartbeat },
      frameMin: engine.rules.frameMin,
      authenticate: (username, password) => engine.authenticate(username, password),
    });
    this.#assembler = new CommandAssembler(this, maxMessageSize);
    this.#frames.frameMax = engine.rules.frameMin;
    this.connection.output.frameMax = engine.rules.frameMin;
    this.#setDeadline(HANDSHAKE_TIMEOUT);
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

  /** Stall as a peer that hangs, which neither reads nor writes; or go on. */
  stall(stalled: boolean): void {
    this.#stalled = stalled;
    this.pauseOrResume();
    if (!stalled) this.flush();
  }

  /**
   * Back-pressure on the client: with an alarm those that publish are not read from, and neither is one that does not
   * read, so that its heartbeats do not come either: what it reads is the sign of life then.
   */
  pauseOrResume(): void {
    const isAlarmed = this.engine.alarm !== undefined && this.connection.publishes;
    const isDeaf = this.socket.writableLength > HIGH_WATER;
    if (this.#stalled || isDeaf || isAlarmed || this.#hasHadItsTurn) this.socket.pause();
    else this.socket.resume();
    this.#heartbeat?.suspend(isAlarmed);
  }

  /** Send the frames that wait. No frame may follow the end. */
  flush(): void {
    if (this.#stalled || this.socket.writableEnded) return;
    this.connection.flush();
    const { socket, connection } = this;
    const pieces = connection.output.take();
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) socket.write(piece);
    if (pieces.length > 1) process.nextTick(() => socket.uncork());
    if (pieces.length > 0) this.#heartbeat?.sent();
    if (socket.writableLength > HIGH_WATER) {
      connection.congested = true;
      this.pauseOrResume();
    }
    if (connection.state === 'over') socket.end();
    else if (connection.state === 'closing' && this.#deadline === undefined) this.#setDeadline(CLOSE_TIMEOUT);
  }

  method(channel: number, plan: MethodPlan, args: Record<string, unknown>): void {
    if (channel === 0 && this.#handshake.stage !== 'done') {
      return this.#advanceHandshake({ name: plan.name, args } as Method);
    }
    if (plan === CHANNEL_CLOSE || plan === CHANNEL_CLOSE_OK) this.#assembler.forget(channel);
    this.connection.receive(channel, plan, args);
  }

  message(...[channel, args, header, body, properties]: Parameters<BrokerConnection['publish']>): void {
    const { publishes } = this.connection;
    this.connection.publish(channel, args, header, body, properties);
    if (!publishes) this.pauseOrResume();
  }

  tooLarge(channel: number, plan: MethodPlan, size: number): void {
    const text = `message size ${size} is larger than configured max size ${this.#assembler.maxMessageSize}`;
    this.connection.refuse(channel, new Failure(406, text), plan);
  }

  #push(bytes: Buffer): void {
    this.#heartbeat?.received();
    if (this.#refused) return;
    if (bytes.length >= A_TURN) this.#letOthersHaveTheirs();
    try {
      const rest = this.#hasProtocolHeader ? bytes : this.#readProtocolHeader(bytes);
      if (rest !== undefined) this.#frames.push(rest, () => this.connection.state !== 'over');
    } catch (error) {
      // the bytes behind it are lost, and with them the boundaries of frames
      this.#refused = true;
      this.#fail(error);
    }
    this.connection.flush();
    if (this.connection.state === 'over') this.flush();
  }

  /** Who floods the broker is read from once a turn: otherwise those who come wait for seconds until they are greeted. */
  #letOthersHaveTheirs(): void {
    if (this.#hasHadItsTurn) return;
    this.#hasHadItsTurn = true;
    this.socket.pause();
    setImmediate(() => {
      this.#hasHadItsTurn = false;
      this.pauseOrResume();
    });
  }

  /** The protocol header; RabbitMQ takes those of 0-9, too. Returns what stands behind it. */
  #readProtocolHeader(bytes: Buffer): Buffer | undefined {
    this.#protocolHeader = Buffer.concat([this.#protocolHeader, bytes]);
    const isWrong = !HEADERS.some((header) =>
      header.subarray(0, this.#protocolHeader.length).equals(this.#protocolHeader.subarray(0, header.length)),
    );
    if (isWrong) {
      this.socket.end(this.engine.rules.isSince4 ? AMQP_1_0_WITH_SASL : PROTOCOL_HEADER);
      this.#refused = true;
      return undefined;
    }
    if (this.#protocolHeader.length < PROTOCOL_HEADER.length) return undefined;
    this.#hasProtocolHeader = true;
    const { name, args } = this.#handshake.begin();
    this.connection.output.method(0, name, args as never);
    return this.#protocolHeader.subarray(PROTOCOL_HEADER.length);
  }

  #frame(type: number, channel: number, bytes: Buffer, start: number, end: number): void {
    if (type === FRAME.HEARTBEAT) return;
    const { connection } = this;
    // of a channel that we have closed, and after connection.close, only the answer counts
    if (type !== FRAME.METHOD && !connection.accepts(channel)) return this.#assembler.forget(channel);
    try {
      this.#assembler.frame(type, channel, bytes, start, end);
    } catch (error) {
      if (!(error instanceof MethodFailure)) throw error;
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (error instanceof Refusal) return this.#refuse(error);
    if (error instanceof SilentClose) return this.kill();
    if (!this.#hasProtocolHeader || this.connection.state === 'handshake') return this.kill();
    if (error instanceof MethodFailure) this.connection.fail(error.failure, error.plan);
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
    this.#heartbeat?.received(); // the client has read: its heartbeats may wait behind what we do not read
    if (!this.connection.congested) return;
    this.connection.drained();
    this.pauseOrResume();
  }

  #setDeadline(ms: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.kill(), ms).unref();
  }

  #end(): void {
    clearTimeout(this.#deadline);
    this.#heartbeat?.stop();
    this.connection.end();
  }

  #advanceHandshake(method: Method): void {
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
      const vhost = this.engine.openVhost(virtualHost, username);
      this.connection.open({ username, vhost, channelMax, frameMax, capabilities, clientName });
      this.connection.output.method(0, 'connection.open-ok');
      this.#heartbeat = new BrokerHeartbeat(
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

/** Bytes: what a socket gives at once, unless it has less. */
const A_TURN = 65_536;

const CHANNEL_CLOSE = PLANS['channel.close'];
const CHANNEL_CLOSE_OK = PLANS['channel.close-ok'];

/** What RabbitMQ offers since 4.0 to whoever speaks something else. */
const AMQP_1_0_WITH_SASL = Buffer.of(0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0);
const HEADERS = [Buffer.from(PROTOCOL_HEADER), Buffer.of(0x41, 0x4d, 0x51, 0x50, 1, 1, 0, 9)];

function capabilitiesOf(clientProperties: Table): ClientCapabilities {
  const capabilities = (clientProperties.capabilities ?? {}) as Table;
  return {
    consumerCancelNotify: capabilities.consumer_cancel_notify === true,
    blocked: capabilities['connection.blocked'] === true,
    authenticationFailureClose: capabilities.authentication_failure_close === true,
  };
}
