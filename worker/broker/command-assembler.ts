import { binary } from '../../src/broker/erlang';
import { Failure } from '../../src/broker/failure';
import { decodeArgs, decodeMethodPlan, type MethodPlan } from '../../src/protocol/codec';
import { BASIC_CLASS, FRAME } from '../../src/protocol/constants';
import { rememberTable } from '../../src/protocol/field-table';
import type { Args } from '../../src/protocol/method-types';
import { type ContentHeader, decodeContentHeader, type Properties } from '../../src/protocol/properties';
import { ProtocolViolation } from '../../src/protocol/violation';
import { Reader } from '../../src/protocol/wire';

/** A failure with the method that it happened in. */
export class MethodFailure extends Error {
  constructor(
    readonly failure: Failure,
    readonly plan: MethodPlan | undefined,
  ) {
    super(failure.message);
  }
}

/** Bytes at which RabbitMQ closes the socket without a connection.close. */
export class SilentClose extends Error {}

/** The session, which takes the methods and messages. */
export interface CommandHandler {
  method(channel: number, plan: MethodPlan, args: Record<string, unknown>): void;
  message(
    channel: number,
    args: Args<'basic.publish'>,
    header: Buffer,
    body: Buffer,
    properties: Properties,
  ): void;
  /** A message larger than the limit has come; nothing of it was kept. */
  tooLarge(channel: number, plan: MethodPlan, size: number): void;
}

/** A message of which something is still to come. */
interface PartialCommand {
  plan: MethodPlan;
  args: Record<string, unknown>;
  header: Buffer | undefined;
  properties: Properties;
  size: number;
  received: number;
  pieces: Buffer[];
}

/** Assembler of methods and messages from a client's frames. @throws {MethodFailure | SilentClose} as RabbitMQ refuses them */
export class CommandAssembler {
  readonly #reader = new Reader();
  readonly #partial = new Map<number, PartialCommand>();

  constructor(
    readonly handler: CommandHandler,
    readonly maxMessageSize: number,
  ) {}

  frame(type: number, channel: number, bytes: Buffer, start: number, end: number): void {
    const partial = this.#partial.size === 0 ? undefined : this.#partial.get(channel);
    if (partial === undefined) {
      if (type !== FRAME.METHOD) {
        const text = 'expected method frame, got non method frame instead';
        throw new MethodFailure(new Failure(505, text), undefined);
      }
      this.#method(channel, bytes, start, end);
    } else if (partial.header === undefined) {
      this.#header(channel, partial, type, bytes, start, end);
    } else {
      this.#body(channel, partial, type, bytes, start, end);
    }
  }

  /** The channel is closed: what it had begun will not be finished. */
  forget(channel: number): void {
    this.#partial.delete(channel);
  }

  #method(channel: number, bytes: Buffer, start: number, end: number): void {
    const plan = this.#plan(bytes, start, end);
    const args = this.#args(plan, bytes, start + 4, end);
    if (!plan.content || plan.from === 'server') return this.handler.method(channel, plan, args);
    const partial = { plan, args, header: undefined, properties: {}, size: 0, received: 0, pieces: [] };
    this.#partial.set(channel, partial);
  }

  #plan(bytes: Buffer, start: number, end: number): MethodPlan {
    try {
      return decodeMethodPlan(this.#reader.source(bytes, start, end));
    } catch (error) {
      if (error instanceof ProtocolViolation) throw new SilentClose(error.message);
      throw error;
    }
  }

  #args(plan: MethodPlan, bytes: Buffer, start: number, end: number): Record<string, unknown> {
    try {
      return decodeArgs(this.#reader.source(bytes, start, end), plan, rememberTable);
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      if (error.problem.includes('table')) throw new SilentClose(error.message);
      throw new MethodFailure(new Failure(501, `cannot decode ${binary(bytes.subarray(start, end))}`), plan);
    }
  }

  #header(
    channel: number,
    partial: PartialCommand,
    type: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const { plan } = partial;
    if (type !== FRAME.HEADER || end - start < 12) {
      throw new MethodFailure(
        new Failure(505, `${HEADER_EXPECTED}, got non content header frame instead`),
        plan,
      );
    }
    const classId = bytes.readUInt16BE(start);
    if (classId !== BASIC_CLASS) {
      throw new MethodFailure(
        new Failure(505, `${HEADER_EXPECTED}, got one for class ${classId} instead`),
        plan,
      );
    }
    const { bodySize, properties } = this.#content(bytes, start, end);
    partial.header = Buffer.from(bytes.subarray(start, end));
    partial.properties = properties;
    partial.size = bodySize;
    if (bodySize === 0) this.#complete(channel, partial);
  }

  #content(bytes: Buffer, start: number, end: number): ContentHeader {
    try {
      return decodeContentHeader(this.#reader.source(bytes, start, end));
    } catch (error) {
      if (error instanceof ProtocolViolation) throw new MethodFailure(new Failure(541, ''), undefined);
      throw error;
    }
  }

  #body(
    channel: number,
    partial: PartialCommand,
    type: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (type !== FRAME.BODY) {
      const text = 'expected content body, got non content body frame instead';
      throw new MethodFailure(new Failure(505, text), partial.plan);
    }
    partial.received += end - start;
    if (partial.received > partial.size) {
      throw new MethodFailure(
        new Failure(501, `body of ${partial.size} bytes expected, got more`),
        partial.plan,
      );
    }
    if (partial.size <= this.maxMessageSize) partial.pieces.push(Buffer.from(bytes.subarray(start, end)));
    if (partial.received === partial.size) this.#complete(channel, partial);
  }

  #complete(channel: number, { plan, args, header, properties, size, pieces }: PartialCommand): void {
    this.#partial.delete(channel);
    if (size > this.maxMessageSize) return this.handler.tooLarge(channel, plan, size);
    const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    this.handler.message(channel, args as Args<'basic.publish'>, header!, body, properties);
  }
}

const HEADER_EXPECTED = `expected content header for class ${BASIC_CLASS}`;
