/** Frames and methods as amqpy's module `proto` has them; what encodes and decodes them is the package's own codec. */
import { outOfRange, wrongType } from '../../caller';
import { decodeArgs, decodeMethodPlan, encodeMethod } from '../../protocol/codec';
import { FRAME_END, FRAME_HEADER_SIZE, FRAME_OVERHEAD } from '../../protocol/constants';
import type { Input, MethodName } from '../../protocol/method-types';
import { METHODS } from '../../protocol/methods';
import { decodeContentHeader, encodeContentHeader } from '../../protocol/properties';
import { ProtocolViolation } from '../../protocol/violation';
import { isBytes, OutOfRoom, Reader, Writer } from '../../protocol/wire';
import { type Args, signatures } from '../python';
import { AMQPError, because, error_for_code } from './exceptions';
import { type Message, messageOf, outgoing } from './message';
import { FrameType, method_name, method_t } from './spec';

interface FrameArgumentTypes {
  /** One of `FrameType`; or the bytes of a whole frame. */
  frame_type: [frame_type: number | Uint8Array | null];
  /** The channel it is for. */
  channel: [channel: number];
  /** What is between its header and its end octet. */
  payload: [payload: Uint8Array];
}

const FRAME = signatures<FrameArgumentTypes>()('Frame', {
  __init__: 'frame_type=None, channel=0, payload=...',
});

/**
 * A frame: the bytes themselves, in `data`, which may be written to.
 *
 *     0      1         3         7              size+7     size+8
 *     +------+---------+---------+----------------+-----------+
 *     | type | channel |  size   |    payload     | frame-end |
 *     +------+---------+---------+----------------+-----------+
 *
 * `new Frame(FrameType.METHOD, 1, payload)` makes them, `new Frame(data)` takes some, `new Frame()` has none.
 */
export class Frame {
  /** The bytes of the frame; may be replaced, or changed in place. */
  data: Buffer;

  /** A type, a channel and a payload; or the bytes of a frame, which are copied; or nothing. */
  constructor(...args: Args<typeof FRAME.__init__>) {
    const { frame_type, channel, payload = Buffer.alloc(0) } = FRAME.__init__(args);
    if (frame_type === null) this.data = Buffer.alloc(0);
    else if (typeof frame_type === 'number') this.data = frameBytes(frame_type, channel, payload);
    else this.data = Buffer.from(frame_type);
  }

  /** One of `FrameType`, read from the bytes. */
  get frame_type(): number {
    return this.data.readUInt8(0);
  }
  /** The channel it is for, read from the bytes. */
  get channel(): number {
    return this.data.readUInt16BE(1);
  }
  /** Bytes of the payload, as the header has them. */
  get payload_size(): number {
    return this.data.readUInt32BE(3);
  }
  /** The bytes between header and end: not a copy. */
  get payload(): Buffer {
    return this.data.subarray(FRAME_HEADER_SIZE, -1);
  }
}

function frameBytes(type: number, channel: number, payload: Uint8Array): Buffer {
  const data = Buffer.alloc(FRAME_OVERHEAD + payload.length);
  data.writeUInt8(type, 0);
  data.writeUInt16BE(channel, 1);
  data.writeUInt32BE(payload.length, 3);
  data.set(payload, FRAME_HEADER_SIZE);
  data.writeUInt8(FRAME_END, data.length - 1);
  return data;
}

/** The arguments of a method by their names in AMQP, with underscores: `routing_key`, `no_wait`. */
export type MethodArguments = Record<string, unknown>;

interface MethodArgumentTypes {
  /** Which method: `spec.Queue.Declare`. */
  method_type: [method_type: method_t | null];
  /** Arguments by name, or in the order of the wire; what is left out is zero, false or empty. */
  args: [args: MethodArguments | readonly unknown[] | null];
  /** The message it carries. */
  content: [content: Message | null];
  /** The channel it is for. */
  channel_id: [channel_id: number | null];
  /** Body bytes of a frame at most: `frame_max - 8`. */
  chunk_size: [chunk_size: number];
  /** A frame that came. */
  frame: [frame: Frame];
}

const METHOD = signatures<MethodArgumentTypes>(new Set(['args']))('Method', {
  __init__: 'method_type=None, args=None, content=None, channel_id=None',
  dump_body_frame: 'chunk_size',
  load: 'frame',
});

/**
 * A method with its arguments, and its message if it carries one: made to be dumped into frames, or loaded
 * from frames that came.
 * @example
 * const method = new Method(spec.Queue.Purge, { queue: 'tasks' }, null, 1);
 * method.dump_method_frame().data; // 01 0001 00000010 0032 001e …
 *
 * const came = new Method();
 * came.load_method_frame(frame);
 * came.load_header_frame(header);
 * while (!came.complete) came.load_body_frame(next());
 */
export class Method {
  /** Which method; null before one was loaded. */
  method_type: method_t | null;
  /** Its arguments by name. */
  args: MethodArguments;
  /** The message it carries. */
  content: Message | null;
  /** The channel it is for; null counts as 0. */
  channel_id: number | null;
  readonly #body: Buffer[] = [];
  #received = 0;
  #announced: number | undefined;

  /** A method to be dumped; or nothing, to be loaded. */
  constructor(...args: Args<typeof METHOD.__init__>) {
    const given = METHOD.__init__(args);
    this.method_type = given.method_type;
    this.args = namedArguments(given.method_type, given.args ?? {});
    this.content = given.content;
    this.channel_id = given.channel_id;
  }

  /** All bytes of the message that the header has announced are there; false before the header. */
  get complete(): boolean {
    return this.#received === this.#announced;
  }

  // ── out ─────────────────────────────────────────────────────────────────────────────────────────────

  /** The method frame. @throws {TypeError | RangeError} naming the argument that does not fit */
  dump_method_frame(): Frame {
    const name = nameOf(this.method_type);
    const input = Object.fromEntries(
      fieldsOf(name).map(([field, pythonName]) => [field, this.args[pythonName] ?? undefined]),
    );
    const known = new Set(fieldsOf(name).map(([, pythonName]) => pythonName));
    const unknown = Object.keys(this.args).find((each) => !known.has(each));
    if (unknown !== undefined) throw wrongType(`${name} got an unexpected argument '${unknown}'`);
    const channel = this.channel_id ?? 0;
    return new Frame(written((writer) => encodeMethod(writer, channel, name, input as Input<MethodName>)));
  }

  /** The header frame of its message: size and properties. @throws {TypeError} it has none */
  dump_header_frame(): Frame {
    const { body, properties } = outgoing(this.#message());
    const payload = written((writer) => encodeContentHeader(writer, body.length, properties));
    return new Frame(FrameType.HEADER, this.channel_id ?? 0, payload);
  }

  /** The body frames of its message, one after the other; none for an empty one. */
  *dump_body_frame(...args: Args<typeof METHOD.dump_body_frame>): Generator<Frame, void, undefined> {
    const { chunk_size } = METHOD.dump_body_frame(args);
    if (!(chunk_size >= 1)) throw outOfRange(`chunk_size must be at least 1, got ${chunk_size}`);
    const { body } = outgoing(this.#message());
    for (let at = 0; at < body.length; at += chunk_size)
      yield new Frame(FrameType.BODY, this.channel_id ?? 0, body.subarray(at, at + chunk_size));
  }

  #message(): Message {
    if (this.content !== null) return this.content;
    throw wrongType('the method has no content');
  }

  // ── in ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Take method, arguments and channel. @throws {FrameSyntaxError | InvalidCommand} it is malformed, or unknown */
  load_method_frame(...args: Args<typeof METHOD.load>): void {
    const { frame } = METHOD.load(args);
    const { plan, values } = read(frame, (reader) => {
      const plan = decodeMethodPlan(reader);
      return { plan, values: decodeArgs(reader, plan) };
    });
    this.method_type = new method_t(plan.id >>> 16, plan.id & 0xffff);
    this.channel_id = frame.channel;
    this.args = Object.fromEntries(
      fieldsOf(plan.name).map(([field, pythonName]) => [pythonName, values[field]]),
    );
  }

  /** Take the properties of the message, and how long it will be. @throws {FrameSyntaxError} it is malformed */
  load_header_frame(...args: Args<typeof METHOD.load>): void {
    const { bodySize, properties } = read(METHOD.load(args).frame, decodeContentHeader);
    this.content = messageOf(Buffer.alloc(0), properties, false);
    this.#body.length = 0;
    this.#received = 0;
    this.#announced = bodySize;
  }

  /** Take a piece of the body; with the last, `content` has it. @throws {UnexpectedFrame} it was not due, or is too long */
  load_body_frame(...args: Args<typeof METHOD.load>): void {
    const { payload } = METHOD.load(args).frame;
    const { content } = this;
    const left = (this.#announced ?? 0) - this.#received;
    if (content === null || payload.length > left) {
      throw error_for_code(
        505,
        `${payload.length} bytes of body came, ${left} were due`,
        this.method_type,
        AMQPError,
      );
    }
    this.#body.push(Buffer.from(payload));
    this.#received += payload.length;
    if (this.complete) content.body = Buffer.concat(this.#body);
  }
}

// ── names and bytes ───────────────────────────────────────────────────────────────────────────────────

function nameOf(type: method_t | null): MethodName {
  const name = method_name(type);
  if (name !== '') return name as MethodName;
  throw wrongType(`method_type must be a method of AMQP 0-9-1, got ${type === null ? 'None' : String(type)}`);
}

/** The fields of a method in wire order, as the table and as Python names them. */
function fieldsOf(name: MethodName): [field: string, pythonName: string][] {
  return Object.keys(METHODS[name].args)
    .filter((field) => !field.startsWith('reserved'))
    .map((field) => [field, field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]);
}

function namedArguments(type: method_t | null, given: MethodArguments | readonly unknown[]): MethodArguments {
  if (!Array.isArray(given)) return { ...given };
  const names = fieldsOf(nameOf(type)).map(([, pythonName]) => pythonName);
  if (given.length > names.length)
    throw wrongType(`${method_name(type)} takes ${names.length} arguments but ${given.length} were given`);
  return Object.fromEntries(given.map((value, index) => [names[index], value]));
}

/** Let `write` write, with more room until there is enough. */
function written(write: (writer: Writer) => void): Buffer {
  for (let size = 1024; ; size *= 4) {
    const writer = new Writer(Buffer.alloc(size));
    try {
      write(writer);
      return writer.buffer.subarray(0, writer.pos);
    } catch (error) {
      if (!(error instanceof OutOfRoom)) throw error;
    }
  }
}

function read<T>(frame: Frame, decode: (reader: Reader) => T): T {
  const { payload } = frame;
  if (!isBytes(payload)) throw wrongType('a frame is expected');
  try {
    return decode(new Reader(payload));
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error;
    throw because(error_for_code(error.replyCode, error.message, null, AMQPError, frame.channel), error);
  }
}
