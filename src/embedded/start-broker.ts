import { spawnWorker, type WorkerThread } from '../bridge/spawn';
import type {
  BindingInfo,
  BrokerCall,
  BrokerReply,
  ConnectionInfo,
  ConsumerInfo,
  ExchangeInfo,
  MessageInfo,
  QueueInfo,
  ServerOptions,
} from '../broker/control';
import type { BrokerMetrics } from '../broker/metrics';
import { fromCaller, outOfRange, wrongType } from '../caller';
import { decodeContentHeader, type Properties } from '../protocol/properties';
import { Reader, typeName } from '../protocol/wire';
import { showAs } from '../shown';
import { type BrokerOptions, checkVhost, serverOptions } from './options';

/** Milliseconds for a call to the thread of the broker, its start included. */
const TIMEOUT = 10_000;

/** A message that waits in a queue of an embedded broker. */
export interface WaitingMessage {
  /** Where it was published; '' is the default exchange. */
  exchange: string;
  /** What it was published with. */
  routingKey: string;
  /** Whether somebody had it before and gave it back. */
  redelivered: boolean;
  /** Its priority as the queue counts it; 0 in a queue that knows none. */
  priority: number;
  /** Its properties, as they were published. */
  properties: Properties;
  /** Its body. */
  body: Buffer;
  /** The body as UTF-8. */
  text: string;
}

/** Options of `broker.messages` and `broker.metrics`. */
export interface MessagesOptions {
  /** The virtual host of the queue; default `/`. */
  vhost?: string | undefined;
}

/** Which connections: one's number, the `name` its client has given it, an entry of `connections()`; absent: all. */
export type ConnectionChoice =
  | number
  | string
  | {
      /** The number of the connection. */
      id: number;
    };

/**
 * Start a broker inside this process, in a thread of its own, so that it goes on while your code blocks. Blocks
 * until it listens. It keeps everything in memory, and is for tests and demos: use RabbitMQ for the rest.
 * It does not keep the process alive.
 *
 * @throws {TypeError | RangeError} for options that cannot be
 * @throws {Error} `EADDRINUSE` and its like, when it cannot listen; or its thread does not start within 10 s
 * @example
 * using broker = startBroker();
 * const connection = connect(broker.url);
 */
export function startBroker(options: BrokerOptions = {}): EmbeddedBroker {
  const checked = serverOptions(options);
  const thread = spawnWorker<BrokerCall, BrokerReply>('broker/thread', TIMEOUT);
  try {
    const port = listen(thread, checked);
    const [username, { password }] = Object.entries(checked.users)[0]!;
    const user = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
    const host = checked.host.includes(':') ? `[${checked.host}]` : checked.host;
    const scheme = checked.tls === undefined ? 'amqp' : 'amqps';
    const vhost = encodeURIComponent(checked.vhosts[0] ?? '/');
    const url = `${scheme}://${user}@${host}:${port}/${vhost}`;
    return new EmbeddedBroker(thread, port, url, checked.virtualClock);
  } catch (error) {
    thread.terminate();
    throw error;
  }
}

/**
 * An embedded broker. Its methods block for some 20 microseconds, and see what every client has done that has
 * had its reply.
 * @example
 * using broker = startBroker();
 * connect(broker.url).defaultChannel.declareQueue('tasks').publish('hello');
 * console.log(broker.queues()[0]?.messageCount); // 1
 */
export class EmbeddedBroker {
  #thread: WorkerThread<BrokerCall, BrokerReply> | undefined;
  readonly #hasVirtualClock: boolean;

  /** @internal */
  constructor(
    thread: WorkerThread<BrokerCall, BrokerReply>,
    /** The port it listens on. */
    readonly port: number,
    /** For `connect`: with the first user and the first virtual host. */
    readonly url: string,
    hasVirtualClock: boolean,
  ) {
    this.#thread = thread;
    this.#hasVirtualClock = hasVirtualClock;
  }

  /** False once it was closed. */
  get isOpen(): boolean {
    return this.#thread !== undefined;
  }

  /** Hang up on all clients and end; once more does nothing. */
  close(): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#thread = undefined;
    try {
      ask(thread, { call: 'close' });
    } catch (error) {
      thread.terminate();
      throw error;
    }
  }

  /** `close`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The connections that are open. */
  connections(): ConnectionInfo[] {
    return this.#ask({ call: 'connections' }) as ConnectionInfo[];
  }

  /** The queues of all virtual hosts. */
  queues(): QueueInfo[] {
    return this.#ask({ call: 'queues' }) as QueueInfo[];
  }

  /** The exchanges, those that always exist included. */
  exchanges(): ExchangeInfo[] {
    return this.#ask({ call: 'exchanges' }) as ExchangeInfo[];
  }

  /** The bindings, without those of the default exchange, which every queue has. */
  bindings(): BindingInfo[] {
    return this.#ask({ call: 'bindings' }) as BindingInfo[];
  }

  /** The consumers of all connections. */
  consumers(): ConsumerInfo[] {
    return this.#ask({ call: 'consumers' }) as ConsumerInfo[];
  }

  /**
   * What became of the messages since the broker started: how many were published, routed, expired, dead-lettered …, and so
   * for each queue that there is. Blocks for some 20 microseconds.
   * @throws {RangeError} no such virtual host
   * @example
   * expect(broker.metrics().queues.orders?.deadLettered).toEqual(1);
   */
  metrics(options: MessagesOptions = {}): BrokerMetrics {
    const vhost = checkVhost('metrics', options);
    const found = this.#ask({ call: 'metrics', vhost }) as BrokerMetrics | undefined;
    if (found === undefined) throw outOfRange(`no virtual host ${vhost}`);
    return found;
  }

  /**
   * The messages that wait in a queue, the next one first, or all that a stream keeps; nothing is taken.
   * @throws {RangeError} no such queue
   * @example
   * expect(broker.messages('tasks').map(({ text }) => text)).toEqual(['one', 'two']);
   */
  messages(queue: string, options: MessagesOptions = {}): WaitingMessage[] {
    const vhost = checkVhost('messages', options);
    const found = this.#ask({ call: 'messages', vhost, queue }) as MessageInfo[] | undefined;
    if (found === undefined) throw outOfRange(`no queue ${JSON.stringify(queue)} in virtual host ${vhost}`);
    return found.map(({ header, body, ...rest }) => {
      const { properties } = decodeContentHeader(new Reader(Buffer.from(header)));
      const bytes = Buffer.from(body);
      return { ...rest, properties, body: bytes, text: bytes.toString() };
    });
  }

  /**
   * Cut connections without a word, as a network does.
   * @returns how many
   * @example
   * broker.kill(); // all; or broker.kill('the name of one')
   */
  kill(which?: ConnectionChoice): number {
    return this.#ask({ call: 'kill', connection: choice(which) }) as number;
  }

  /** Close connections as an operator does: 320 CONNECTION_FORCED. @returns how many */
  closeConnections(which?: ConnectionChoice, reason = 'closed by the operator'): number {
    checkReason(reason);
    return this.#ask({ call: 'close-connections', connection: choice(which), reason }) as number;
  }

  /** Neither read from connections nor write to them, as a broker that hangs, until `resume`. @returns how many */
  stall(which?: ConnectionChoice): number {
    return this.#ask({ call: 'stall', connection: choice(which) }) as number;
  }

  /** Go on reading and writing after `stall`. @returns how many connections */
  resume(which?: ConnectionChoice): number {
    return this.#ask({ call: 'resume', connection: choice(which) }) as number;
  }

  /** Block those that publish, as an alarm does: `connection.blocked`, and no more is read until `unblock`. */
  block(reason = 'low on memory'): void {
    checkReason(reason);
    this.#ask({ call: 'block', reason });
  }

  /** Undo `block`: `connection.unblocked`, and what was held is read. */
  unblock(): void {
    this.#ask({ call: 'block', reason: undefined });
  }

  /**
   * Let `ms` milliseconds pass at once: what expires by then has expired when it returns.
   * @throws {Error} the broker was not started with `clock: 'virtual'`
   * @example
   * using broker = startBroker({ clock: 'virtual' });
   * broker.advance(60_000); // a minute, in no time
   */
  advance(ms: number): void {
    if (typeof ms !== 'number')
      throw wrongType(`advance takes a number of milliseconds, got ${typeName(ms)}`);
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY))
      throw outOfRange(`advance takes milliseconds from 0 on, got ${ms}`);
    if (!this.#hasVirtualClock) {
      const advice = "start the broker with startBroker({ clock: 'virtual' })";
      throw fromCaller(new Error(`advance needs a clock that stands still: ${advice}`));
    }
    this.#ask({ call: 'advance', ms });
  }

  #ask(call: BrokerCall): unknown {
    if (this.#thread === undefined) throw fromCaller(new Error('the broker is closed'));
    return ask(this.#thread, call);
  }
}

showAs(EmbeddedBroker, ({ port, isOpen }) => ({ port, isOpen }));

/** Have it listen, and report the port. @throws {Error} `EADDRINUSE` and its like, or its certificate is none */
function listen(thread: WorkerThread<BrokerCall, BrokerReply>, options: ServerOptions): number {
  try {
    return ask(thread, { call: 'start', options }) as number;
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const { host, port, tls } = options;
    const isOfTheAddress = tls === undefined || /^(?:listen|getaddrinfo|bind)\b/.test(message);
    const what = isOfTheAddress
      ? `the embedded broker cannot listen on ${host}:${port}`
      : 'the embedded broker cannot use the certificate and the key of tls';
    throw Object.assign(fromCaller(new Error(`${what}: ${message}`)), { code });
  }
}

function ask(thread: WorkerThread<BrokerCall, BrokerReply>, call: BrokerCall): unknown {
  let reply: BrokerReply;
  try {
    reply = thread.call(call);
  } catch (cause) {
    throw fromCaller(new Error(unanswered(call, cause as Error), { cause }));
  }
  if ('ok' in reply) return reply.ok;
  const { message, code } = reply.err;
  throw Object.assign(fromCaller(new Error(message)), code === undefined ? {} : { code });
}

/** Why the thread did not answer, in words of ours and not of synckit's. */
function unanswered({ call }: BrokerCall, { message }: Error): string {
  if (!/timed-out/.test(message)) return `the thread of the embedded broker failed: ${message}`;
  const what = call === 'start' ? 'start' : `answer "${call}"`;
  return `the embedded broker did not ${what} within ${TIMEOUT / 1000} s: this machine is very busy, or the process was suspended`;
}

/** @throws {TypeError} it is something else, which must not stand for all connections */
function choice(which: ConnectionChoice | undefined): number | string | undefined {
  const wanted = typeof which === 'object' ? (which?.id ?? null) : which;
  if (wanted === undefined || typeof wanted === 'number' || typeof wanted === 'string') return wanted;
  throw wrongType(
    `a connection is given by its number, by the name that its client has given it, or as an entry of connections(), got ${typeName(which)}`,
  );
}

/** @throws {TypeError} */
function checkReason(reason: unknown): void {
  if (typeof reason !== 'string') throw wrongType(`reason must be a string, got ${typeName(reason)}`);
}
