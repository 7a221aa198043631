import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as delay, setImmediate as soon } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import { encodeMethod, PLANS } from '../../../src/protocol/codec';
import type { Input, MethodName } from '../../../src/protocol/method-types';
import { Writer } from '../../../src/protocol/wire';
import { type Arrival, ClientStream, type Received } from './client-stream';
import type { Script, Step } from './script';

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

const HEARTBEAT = Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0xce);
/** Steps that are not done until the client has done its part. */
const OBLIGING: readonly Step['step'][] = ['header', 'expects', 'end'];

/** The client did something else than the script says. */
class Difference extends Error {}

/** One connection of a scripted broker: listens to the client, and runs the script. */
export class Conversation {
  readonly #stream = new ClientStream((arrival) => this.#record(arrival));
  /** What came and no step has looked at. */
  readonly #queue: Arrival[] = [];
  readonly #history: string[] = [];
  /** Channels in confirm mode, with the number of their publishes. */
  readonly #confirms = new Map<number, number>();
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

  // ── the client ──────────────────────────────────────────────────────────────────────────────────────

  #read(bytes: Buffer): void {
    try {
      this.#stream.push(bytes);
    } catch (error) {
      this.#failed(`the client broke the protocol: ${(error as Error).message}`);
    }
  }

  #ended(): void {
    if (this.#left) return;
    this.#left = true;
    clearInterval(this.#beat);
    this.#record({ method: 'end', channel: 0, args: {} });
  }

  #record(arrival: Arrival): void {
    this.#history.push(arrival.method);
    this.listener.received({ ...arrival, connection: this.number, at: Date.now() });
    if (arrival.method === 'heartbeat') return;
    this.#count(arrival);
    this.#queue.push(arrival);
    this.#wake();
  }

  #count(arrival: Arrival): void {
    const { method, channel } = arrival;
    const published = this.#confirms.get(channel);
    if (method === 'channel.open') this.#confirms.delete(channel);
    if (method === 'confirm.select') this.#confirms.set(channel, published ?? 0);
    if (method !== 'basic.publish' || published === undefined) return;
    arrival.seqNo = published + 1;
    this.#confirms.set(channel, arrival.seqNo);
  }

  /** The oldest thing that no step has looked at; it stays. */
  async #next(): Promise<Arrival> {
    while (this.#queue.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#queue[0]!;
  }

  // ── the script ──────────────────────────────────────────────────────────────────────────────────────

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
    const before = this.#history.slice(-40).join(', ') || 'nothing';
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
      case 'touch':
        return writeFileSync(step.file, '');
      case 'reading':
        return step.on ? this.socket.resume() : this.socket.pause();
      case 'beat':
        this.#beat = setInterval(() => this.socket.write(HEARTBEAT), step.ms);
        return;
      case 'serve':
        return this.#serve(step);
      case 'loop':
        while (!this.#left && this.socket.writable) {
          await this.#turn(step.steps);
          await soon(); // the news that the client has left has to come through
        }
        return;
      case 'cut':
        return step.rst ? this.socket.resetAndDestroy() : this.socket.end();
    }
  }

  /** One turn of a loop; the client may leave wherever it likes. */
  async #turn(steps: Script): Promise<void> {
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
      if (!this.socket.write(bytes.subarray(at, at + size))) await this.#drained();
      if (this.#split > 0) await (this.#pause > 0 ? delay(this.#pause) : soon());
    }
  }

  /** The socket takes more, or never will. */
  #drained(): Promise<void> {
    const { socket } = this;
    return new Promise((resolve) => {
      const done = () => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  // ── an ordinary broker ──────────────────────────────────────────────────────────────────────────────

  async #serve({ until, isIncluded }: Extract<Step, { step: 'serve' }>): Promise<void> {
    for (;;) {
      const { method, channel, args, seqNo } = await this.#next();
      if (method === 'end' || (method === until && !isIncluded)) return;
      this.#queue.shift();
      if (method === 'header' || method === 'heartbeat') continue;
      if (seqNo !== undefined) this.#reply('basic.ack', channel, { deliveryTag: seqNo });
      const reply = PLANS[method].replies.at(-1); // the last: get-empty
      if (reply !== undefined && args.noWait !== true) this.#reply(reply, channel, args);
      if (method === 'connection.close') this.socket.end();
      if (method === until) return;
    }
  }

  /** A reply repeats what it has in common with the request: the name of the queue, the consumer tag. */
  #reply(method: MethodName, channel: number, args: Record<string, unknown>): void {
    const writer = new Writer(Buffer.alloc(1024));
    encodeMethod(writer, channel, method, args as Input<MethodName>);
    if (this.socket.writable) this.socket.write(writer.buffer.subarray(0, writer.pos));
  }
}

function matches(step: Step, got: Arrival): boolean {
  if (step.step !== 'expects') return got.method === step.step;
  const { method, channel, args, body } = step;
  if (got.method !== method || (channel !== undefined && got.channel !== channel)) return false;
  if (body !== undefined && text(got.body) !== body) return false;
  const plain = structuredClone(got.args); // as the script's: tables with a prototype
  return Object.entries(args).every(([name, value]) => isDeepStrictEqual(plain[name], value));
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

function describeStep(step: Step): string {
  if (step.step !== 'expects')
    return step.step === 'end' ? 'the end of the connection' : 'the protocol header';
  return words(step.method, step.channel, step.args, step.body);
}

function describe({ method, channel, args, body }: Arrival): string {
  if (method === 'end') return 'the end of the connection';
  return words(method, channel, args, body && text(body.subarray(0, 200)));
}

function words(method: string, channel: number | undefined, args: object, body: string | undefined): string {
  const where = channel === undefined ? '' : ` on channel ${channel}`;
  const values = inspect(args, { breakLength: Number.POSITIVE_INFINITY });
  return `${method}${where} ${values}${body === undefined ? '' : ` with body ${inspect(body)}`}`;
}
