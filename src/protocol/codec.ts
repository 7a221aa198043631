import { FRAME, FRAME_END, FRAME_OVERHEAD } from './constants';
import { ShortstrCache } from './decode-cache';
import { decodeTable, encodeTable, rememberTable } from './field-table';
import type { Args, Input, Method, MethodName } from './method-types';
import { type Domain, METHODS, type MethodSpec } from './methods';
import { ProtocolViolation } from './violation';
import type { Reader, Writer } from './wire';

/**
 * The method table, flattened once at load into what the two walks below need. Interpreting a plan costs
 * about as much as generated code once nothing is allocated, and it is the table itself that runs.
 */
interface Step {
  op: Exclude<Domain, 'bit'> | 'bits';
  name: string;
  /** For the error that names the field. */
  at: string;
  /** For `bits`: the names that share the octets, in wire order. */
  bits: readonly string[];
  reserved: boolean;
}

export interface MethodPlan {
  name: MethodName;
  id: number;
  steps: readonly Step[];
  content: boolean;
  replies: readonly MethodName[];
  from: MethodSpec['from'];
}

export const PLANS = Object.fromEntries(
  Object.entries(METHODS).map(([name, spec]) => [name, flatten(name as MethodName, spec)]),
) as Record<MethodName, MethodPlan>;

const PLANS_BY_ID = new Map(Object.values(PLANS).map((plan) => [plan.id, plan]));

function flatten(name: MethodName, spec: MethodSpec): MethodPlan {
  const steps: (Step & { bits: string[] })[] = [];
  for (const [field, domain] of Object.entries(spec.args)) {
    const reserved = isReserved(field);
    const at = `${name} ${field}`;
    const last = steps.at(-1);
    if (domain === 'bit' && last?.op === 'bits' && last.bits.length < 8) last.bits.push(field);
    else if (domain === 'bit') steps.push({ op: 'bits', name: field, at, bits: [field], reserved: false });
    else steps.push({ op: domain, name: field, at, bits: [], reserved });
  }
  const replies = (spec.reply ?? []) as readonly MethodName[];
  return { name, id: spec.id, steps, content: spec.content === true, replies, from: spec.from };
}

/** Sent as zero, whatever a caller without types passes, and never shown. */
export function isReserved(field: string): boolean {
  return field.startsWith('reserved');
}

/** The plan of a method by the ids in a close frame, if there is such a method. */
export function methodName(classId: number, methodId: number): MethodName | undefined {
  return PLANS_BY_ID.get(classId * 0x1_0000 + methodId)?.name;
}

/**
 * Write one whole method frame.
 * @throws {TypeError | RangeError} naming the argument that does not fit its field; nothing counts as written
 */
export function encodeMethod<M extends MethodName>(
  writer: Writer,
  channel: number,
  name: M,
  args: Input<M>,
): void {
  const start = openFrame(writer, FRAME.METHOD, channel);
  const plan = PLANS[name];
  writer.buffer.writeUInt32BE(plan.id, writer.take(4));
  const values = args as Readonly<Record<string, unknown>>;
  for (const step of plan.steps)
    encodeStep(writer, step, step.reserved ? undefined : own(values, step.name), values);
  closeFrame(writer, start);
}

function encodeStep(
  writer: Writer,
  step: Step,
  value: unknown,
  values: Readonly<Record<string, unknown>>,
): void {
  writer.at = step.name;
  switch (step.op) {
    case 'bits':
      return encodeBits(writer, step.bits, values);
    case 'shortstr':
      return writer.shortstr(value === undefined ? '' : value);
    case 'longstr':
    case 'longbytes':
      return writer.longstr(value === undefined ? '' : value);
    case 'octet':
      return writer.octet(value === undefined ? 0 : value);
    case 'short':
      return writer.short(value === undefined ? 0 : value);
    case 'long':
      return writer.long(value === undefined ? 0 : value);
    case 'longlong':
      return writer.longlong(value === undefined ? 0 : value);
    case 'table':
      return encodeTable(writer, value === undefined ? NO_ENTRIES : value);
  }
}

const NO_ENTRIES = {};

/** The value of an own property: what somebody put on Object.prototype is no argument. */
function own(values: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = values[name];
  return value === undefined || Object.hasOwn(values, name) ? value : undefined;
}

function encodeBits(
  writer: Writer,
  names: readonly string[],
  values: Readonly<Record<string, unknown>>,
): void {
  let octet = 0;
  for (let bit = 0; bit < names.length; bit++) {
    const value = own(values, names[bit]!);
    if (value === undefined || value === false || isReserved(names[bit]!)) continue;
    writer.at = names[bit]!;
    if (writer.boolean(value)) octet |= 1 << bit;
  }
  writer.buffer[writer.take(1)] = octet;
}

/** Begin a frame of a type; returns where it starts, for `closeFrame`. @see AMQP 0-9-1 §4.2.3 */
export function openFrame(writer: Writer, type: number, channel: number): number {
  const start = writer.take(7);
  writer.buffer[start] = type;
  writer.buffer.writeUInt16BE(channel, start + 1);
  return start;
}

/** Fill in the payload size of the frame that started at `start` and end it. */
export function closeFrame(writer: Writer, start: number): void {
  const end = writer.take(1);
  writer.buffer[end] = FRAME_END;
  writer.buffer.writeUInt32BE(end + 1 - start - FRAME_OVERHEAD, start + 3);
}

/** The plan of the method that the payload of a method frame holds. @throws {ProtocolViolation} 503, unknown */
export function decodeMethodPlan(reader: Reader): MethodPlan {
  reader.at = 'method frame';
  const id = reader.long();
  const plan = PLANS_BY_ID.get(id);
  if (plan === undefined) {
    throw new ProtocolViolation(
      503,
      'unknown method',
      'method frame',
      'a method of AMQP 0-9-1',
      `${id >>> 16}.${id & 0xffff}`,
    );
  }
  return plan;
}

/** Read the arguments of a method whose id has been read. @throws {ProtocolViolation} 502, malformed */
export function decodeArgs(
  reader: Reader,
  plan: MethodPlan,
  readTable: typeof decodeTable = decodeTable,
): Record<string, unknown> {
  const args: Record<string, unknown> =
    plan === DELIVER ? decodeDeliver(reader) : walk(reader, plan, readTable);
  if (reader.remaining > 0) {
    throw new ProtocolViolation(502, 'bytes after the last argument', plan.name, 0, reader.remaining);
  }
  return args;
}

const DELIVER = PLANS['basic.deliver'];
const tagCache = new ShortstrCache();
const exchangeCache = new ShortstrCache();
const keyCache = new ShortstrCache();

/** Decoder of basic.deliver, written by hand: most of what comes are these. A test compares it with the walk. */
function decodeDeliver(reader: Reader): Record<string, unknown> {
  reader.at = 'basic.deliver';
  const consumerTag = tagCache.read(reader);
  const deliveryTag = reader.longlong();
  const redelivered = (reader.octet() & 1) !== 0;
  const exchange = exchangeCache.read(reader);
  const routingKey = keyCache.read(reader);
  return { consumerTag, deliveryTag, redelivered, exchange, routingKey };
}

/** Read the arguments one by one, as the plan says. */
export function walk(
  reader: Reader,
  plan: MethodPlan,
  readTable: typeof decodeTable = decodeTable,
): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const step of plan.steps) {
    reader.at = step.at;
    if (step.op === 'bits') decodeBits(reader, step.bits, args);
    else if (step.reserved) decodeStep(reader, step.op, readTable);
    else args[step.name] = decodeStep(reader, step.op, readTable);
  }
  return args;
}

/** Read the whole payload of a method frame. @throws {ProtocolViolation} 502 malformed, 503 unknown */
export function decodeMethod(reader: Reader): Method {
  const plan = decodeMethodPlan(reader);
  return { name: plan.name, args: decodeArgs(reader, plan) as Args<MethodName> } as Method;
}

/** Like `decodeMethod`, but encoded again it is the same bytes: a table keeps the wire types of its values. */
export function decodeMethodToRepeat(reader: Reader): Method {
  const plan = decodeMethodPlan(reader);
  return { name: plan.name, args: walk(reader, plan, rememberTable) as Args<MethodName> } as Method;
}

function decodeStep(reader: Reader, op: Exclude<Step['op'], 'bits'>, readTable: typeof decodeTable): unknown {
  switch (op) {
    case 'table':
      return readTable(reader);
    default:
      return reader[op]();
  }
}

function decodeBits(reader: Reader, names: readonly string[], args: Record<string, unknown>): void {
  const octet = reader.octet();
  for (let bit = 0; bit < names.length; bit++) {
    if (!isReserved(names[bit]!)) args[names[bit]!] = (octet & (1 << bit)) !== 0;
  }
}
