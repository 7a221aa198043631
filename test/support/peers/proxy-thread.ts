import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Direction, type Order, ProxiedConnection } from './proxy-lane';

export interface Target {
  host: string;
  port: number;
}

/** Which lanes an order is for; default all, of the connections there are and of those to come. */
export interface Scope {
  direction?: Direction | undefined;
  /** 1 is the first connection that the proxy accepts. It may be one to come. */
  connection?: number | undefined;
}

/** What a proxy has seen, of one connection or of all. */
export interface Seen {
  /** How many clients have connected, ever. */
  connections: number;
  /** How many of them are connected still. */
  open: number;
  /** Bytes that came, by direction. */
  received: Record<Direction, number>;
  /** Bytes that went on, by direction. */
  forwarded: Record<Direction, number>;
}

/** A method of a gate that the test's thread calls; it has chosen both numbers. */
export interface Call {
  id: number;
  gate: number;
  method: string;
  args: unknown[];
}
export type Answer = { id: number; result: unknown } | { id: number | undefined; error: string };

export interface ProxyThreadData {
  port: MessagePort;
  /** Word 0 counts the answers, word 1 what there is to see: the test's thread sleeps on them. */
  bell: SharedArrayBuffer;
}

const { port, bell } = workerData as ProxyThreadData;
const words = new Int32Array(bell);

function ring(word: 0 | 1): void {
  Atomics.add(words, word, 1);
  Atomics.notify(words, word);
}

/** One proxy: a port, its connections, and the standing orders for those to come. */
export class Gate {
  readonly #server = createServer({ allowHalfOpen: true });
  readonly #connections: ProxiedConnection[] = [];
  #keepers: Socket[] = [];
  #standing: { order: Order; scope: Scope }[] = [];
  #port = 0;

  /** @returns the port */
  async listen(target: Target, recorded: boolean): Promise<number> {
    await this.up();
    this.#port = (this.#server.address() as AddressInfo).port;
    // a connection of our own keeps the port ours while nobody listens there: neither will it be given to
    // another, nor can a client that tries again and again be given it itself, and so reach itself
    const keeper = connect(this.#port, '127.0.0.1');
    const [kept] = (await once(this.#server, 'connection')) as [Socket];
    this.#keepers = [keeper, kept];
    this.#server.on('connection', (client) => this.#accept(client, target, recorded));
    return this.#port;
  }

  async up(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  down(): void {
    if (this.#server.listening) this.#server.close();
  }

  close(): void {
    this.down();
    for (const keeper of this.#keepers) keeper.destroy();
    for (const connection of this.#connections) connection.destroy();
  }

  /** @param lasting whether it is for connections to come, too */
  order(order: Order, scope: Scope, lasting: boolean): void {
    if (lasting) this.#standing.push({ order, scope });
    for (const [index, connection] of this.#connections.entries())
      for (const [direction, lane] of lanesOf(connection))
        if (covers(scope, index + 1, direction)) lane.take(order);
  }

  seen(connection?: number): Seen {
    const seen = this.#connections.filter((_, index) => connection === undefined || index + 1 === connection);
    const sum = (count: 'received' | 'forwarded', direction: Direction) =>
      seen.reduce((total, { lanes }) => total + lanes[direction][count], 0);
    const both = (count: 'received' | 'forwarded') => ({
      'client->broker': sum(count, 'client->broker'),
      'broker->client': sum(count, 'broker->client'),
    });
    return {
      connections: seen.length,
      open: seen.filter(({ open }) => open).length,
      received: both('received'),
      forwarded: both('forwarded'),
    };
  }

  recorded(direction: Direction, connection: number): Uint8Array {
    const lane = this.#connections[connection - 1]?.lanes[direction];
    if (lane === undefined) throw new Error(`there is no connection ${connection}`);
    if (lane.record === undefined) throw new Error('the proxy was not told to record');
    return Buffer.concat(lane.record);
  }

  #accept(client: Socket, target: Target, recorded: boolean): void {
    const broker = connect({ ...target, allowHalfOpen: true });
    const connection = new ProxiedConnection(client, broker, recorded, () => ring(1));
    const number = this.#connections.push(connection);
    for (const [direction, lane] of lanesOf(connection))
      for (const order of this.#ordersFor(number, direction)) lane.take(order);
    ring(1);
  }

  /** What has been taken back is left out: a cut at byte 0 would come before its own revocation. */
  #ordersFor(connection: number, direction: Direction): Order[] {
    return this.#standing
      .filter(({ scope }) => covers(scope, connection, direction))
      .reduce<Order[]>((orders, { order }) => {
        if (order.order === 'heal') return [];
        if (order.order === 'resume') return orders.filter((earlier) => earlier.order !== 'stall');
        return orders.concat(order);
      }, []);
  }
}

const lanesOf = ({ lanes }: ProxiedConnection) =>
  Object.entries(lanes) as [Direction, ProxiedConnection['lanes'][Direction]][];

function covers(scope: Scope, connection: number, direction: Direction): boolean {
  return (scope.connection ?? connection) === connection && (scope.direction ?? direction) === direction;
}

const gates = new Map<number, Gate>();

function answer(words: Answer): void {
  port.postMessage(words);
  ring(0);
}

parentPort!.on('message', async ({ id, gate: number, method, args }: Call) => {
  try {
    if (method === 'listen') gates.set(number, new Gate());
    const gate = gates.get(number) as unknown as Record<string, (...args: unknown[]) => unknown> | undefined;
    if (gate === undefined) throw new Error('the proxy is closed');
    if (method === 'close') gates.delete(number);
    answer({ id, result: await gate[method]!(...args) });
  } catch (error) {
    answer({ id, error: (error as Error).message });
  }
});

process.on('uncaughtException', (error) => answer({ id: undefined, error: `it crashed: ${error.stack}` }));
