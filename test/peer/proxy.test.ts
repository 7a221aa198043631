import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type ProxyOptions, startProxy, type TcpProxy } from '../support/peers/proxy';

/** Servers that give every byte back, one for each test, and tell how each of their connections ended. */
const ECHO = `
  const { createServer } = require('node:net');
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const { localPort: port } = socket;
      const bytes = [];
      let end = 'closed';
      socket.on('data', (data) => { bytes.push(data); socket.write(data); });
      socket.on('end', () => { end = 'FIN'; socket.end(); });
      socket.on('error', ({ code }) => { end = code; });
      socket.on('close', () => parentPort.postMessage({ port, end, bytes: Buffer.concat(bytes) }));
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address()));
  });
`;

/** Milliseconds for what ought to happen, and for what ought not to. */
const CALL_TIMEOUT = 60_000;
const A_WHILE = 100;

interface Ending {
  port: number;
  end: string;
  bytes: Uint8Array;
}

const echo = new Worker(ECHO, { eval: true });
let echoPort: number;
let endings: Ending[];
const clients = new Set<Client>();
const proxies = new Set<TcpProxy>();

beforeEach(async () => {
  endings = [];
  echoPort = 0;
  echo.removeAllListeners('message').on('message', (news: { port: number } | Ending) => {
    if (!('end' in news)) echoPort = news.port;
    else if (news.port === echoPort) endings.push(news);
  });
  echo.postMessage('listen');
  await until(() => echoPort !== 0);
});
afterEach(() => {
  for (const { socket } of clients) socket.destroy();
  for (const proxy of proxies) proxy.close();
  clients.clear();
  proxies.clear();
});
afterAll(() => echo.terminate());

function start(options: ProxyOptions = {}): TcpProxy {
  const proxy = startProxy({ host: '127.0.0.1', port: echoPort }, options);
  proxies.add(proxy);
  return proxy;
}

async function until(predicate: () => boolean): Promise<void> {
  const deadline = performance.now() + CALL_TIMEOUT;
  while (!predicate()) {
    if (performance.now() > deadline) throw new Error(`not within ${CALL_TIMEOUT} ms: ${predicate}`);
    await sleep(2);
  }
}

class Client {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  end: string | undefined;

  constructor(proxy: TcpProxy) {
    this.socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (data: Buffer) => this.chunks.push(data));
    this.socket.on('end', () => {
      this.end ??= 'FIN';
    });
    this.socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      this.end ??= code ?? 'error';
    });
    clients.add(this);
  }

  get got(): Buffer {
    return Buffer.concat(this.chunks);
  }
  /** From then on what it sends is on its way, even while this thread sleeps. */
  async connected(): Promise<void> {
    await until(() => !this.socket.connecting);
  }
  send(bytes: Buffer | string): this {
    this.socket.write(bytes);
    return this;
  }
  async gets(bytes: Buffer | string): Promise<void> {
    const expected = Buffer.from(bytes as string);
    await until(() => this.got.length >= expected.length);
    expect(this.got.equals(expected)).toBe(true);
  }
  async ends(how: string): Promise<void> {
    await until(() => this.end !== undefined);
    expect(this.end).toBe(how);
  }
}

/** The first `size` bytes of a sequence in which a byte that is lost, added or moved shows. */
function sequence(size: number): Buffer {
  return Buffer.alloc(size).map((_, index) => (index * 31 + (index >> 8) * 7) & 0xff) as Buffer;
}

async function serverSaw(...expected: { end: string; bytes: Buffer }[]): Promise<void> {
  await until(() => endings.length >= expected.length);
  expect(endings.map(({ end, bytes }) => ({ end, bytes: Buffer.from(bytes) }))).toEqual(expected);
}

const both = (bytes: number) => ({ 'client->broker': bytes, 'broker->client': bytes });

describe('a proxy that is told nothing', () => {
  test('forwards, counts and records', async () => {
    const proxy = start({ record: true });
    const bytes = sequence(1_000_000);
    const client = new Client(proxy).send(bytes);
    await client.gets(bytes);
    const all = both(1_000_000);
    expect(proxy.seen()).toEqual({ connections: 1, open: 1, received: all, forwarded: all });
    expect(proxy.recorded('client->broker').equals(bytes)).toBe(true);
    expect(proxy.recorded('broker->client', 1).equals(bytes)).toBe(true);
    expect(() => proxy.recorded('client->broker', 2)).toThrow('there is no connection 2');
    client.socket.end();
    await client.ends('FIN');
    await serverSaw({ end: 'FIN', bytes });
    expect(proxy.until(({ open }) => open === 0)).toMatchObject({ connections: 1 });
  });

  test('passes a reset on', async () => {
    const proxy = start();
    const client = new Client(proxy).send('abc');
    await client.gets('abc');
    client.socket.resetAndDestroy();
    await serverSaw({ end: 'ECONNRESET', bytes: Buffer.from('abc') });
  });

  test('resets who comes while its target is not there', async () => {
    const nowhere = start();
    nowhere.down();
    const proxy = startProxy({ host: '127.0.0.1', port: nowhere.port });
    proxies.add(proxy);
    await new Client(proxy).ends('ECONNRESET');
  });

  test('has the URL of its target, but for host and port', () => {
    using proxy = startProxy('amqps://me:p%2fw@[::1]/%2f?heartbeat=5');
    expect(proxy.url).toBe(`amqps://me:p%2fw@127.0.0.1:${proxy.port}/%2f?heartbeat=5`);
  });

  test('is awaited no longer than told, and is closed once', () => {
    const proxy = start();
    expect(() => proxy.until(({ connections }) => connections > 0, 50)).toThrow(/within 50 ms.*"open":0/s);
    proxy.close();
    proxy.close();
    expect(() => proxy.seen()).toThrow('the proxy is closed');
  });
});

describe('down and up', () => {
  test('refuses, keeps what is there, and comes back at the same port', async () => {
    const proxy = start();
    const old = new Client(proxy).send('old');
    await old.gets('old');
    for (let time = 0; time < 3; time++) {
      proxy.down();
      await new Client(proxy).ends('ECONNREFUSED');
    }
    await old.send('er').gets('older');
    proxy.up();
    await new Client(proxy).send('new').gets('new');
    expect(proxy.seen()).toMatchObject({ connections: 2, open: 2 });
  });
});

describe('cut', () => {
  test.each([
    ['FIN', 'client->broker', 1],
    ['FIN', 'client->broker', 70_001],
    ['FIN', 'broker->client', 777],
    ['ECONNRESET', 'client->broker', 1],
    ['ECONNRESET', 'client->broker', 70_001],
    ['ECONNRESET', 'broker->client', 777],
  ] as const)('%s, %s, after %i bytes exactly', async (end, direction, after) => {
    const proxy = start({ record: true });
    proxy.cut({ after, direction, reset: end !== 'FIN' });
    const bytes = sequence(100_000);
    const client = new Client(proxy).send(bytes);
    await client.ends(end);
    await until(() => endings.length === 1);
    expect(endings[0]!.end).toBe(end);
    const arrived = direction === 'client->broker' ? endings[0]!.bytes : client.got;
    expect(bytes.subarray(0, after).equals(arrived)).toBe(true);
    expect(proxy.recorded(direction).equals(arrived)).toBe(true);
    expect(proxy.seen().forwarded[direction]).toBe(after);
  });

  test('after the last byte without waiting for the next', async () => {
    const proxy = start();
    proxy.cut({ after: 3, direction: 'broker->client' });
    await new Client(proxy).send('abc').ends('FIN');
  });

  test('counts from the order on, for the connection that is named', async () => {
    const proxy = start();
    const first = new Client(proxy).send('first');
    await first.gets('first');
    const second = new Client(proxy).send('second');
    await second.gets('second');
    proxy.cut({ after: 2, connection: 2 });
    await second.send('!!!').ends('FIN');
    await serverSaw({ end: 'FIN', bytes: Buffer.from('second!!') });
    await first.send('!!!').gets('first!!!');
  });

  test('now: what is there, and not what comes', async () => {
    const proxy = start();
    const client = new Client(proxy).send('a');
    await client.gets('a');
    proxy.cut({ reset: true });
    await client.ends('ECONNRESET');
    await serverSaw({ end: 'ECONNRESET', bytes: Buffer.from('a') });
    await new Client(proxy).send('b').gets('b');
  });

  test('after no byte: what comes, too, until it is healed', async () => {
    const proxy = start();
    proxy.cut({ after: 0 });
    for (let time = 0; time < 2; time++) await new Client(proxy).ends('FIN');
    proxy.heal();
    await new Client(proxy).send('a').gets('a');
  });

  test('can wait for a connection to come', async () => {
    const proxy = start();
    proxy.cut({ after: 0, connection: 2 });
    const first = new Client(proxy).send('1');
    await first.gets('1');
    await new Client(proxy).ends('FIN');
    await new Client(proxy).send('3').gets('3');
    await first.send('1').gets('11');
  });
});

describe('stall', () => {
  test('holds after a byte, and loses nothing', async () => {
    const proxy = start();
    proxy.stall({ after: 10, direction: 'client->broker' });
    const client = new Client(proxy).send(sequence(30));
    await client.gets(sequence(10));
    client.socket.end();
    await sleep(A_WHILE);
    expect(client.got).toHaveLength(10);
    expect(endings).toEqual([]);
    proxy.resume();
    await client.gets(sequence(30));
    await serverSaw({ end: 'FIN', bytes: sequence(30) });
  });

  test('holds until the windows are full', async () => {
    const proxy = start();
    proxy.stall({ direction: 'client->broker' });
    const bytes = sequence(32 * 1024 * 1024);
    const client = new Client(proxy).send(bytes);
    await client.connected();
    await sleep(A_WHILE);
    expect(client.socket.writableLength).toBeGreaterThan(0);
    expect(proxy.seen().received['client->broker']).toBeLessThan(1024 * 1024);
    proxy.resume();
    await client.gets(bytes);
  });

  test('drops, and what was dropped stays lost', async () => {
    const proxy = start();
    const client = new Client(proxy).send('ab');
    await client.gets('ab');
    proxy.stall({ mode: 'drop', direction: 'broker->client', after: 1 });
    client.send('cde');
    proxy.until(({ received }) => received['broker->client'] === 5);
    expect(proxy.seen().forwarded).toEqual({ 'client->broker': 5, 'broker->client': 3 });
    proxy.resume();
    await client.send('f').gets('abcf');
  });

  test('drops ends and resets with the bytes', async () => {
    const proxy = start();
    const client = new Client(proxy).send('a');
    await client.gets('a');
    proxy.stall({ mode: 'drop' });
    client.socket.resetAndDestroy();
    proxy.until(({ open }) => open === 0);
    await sleep(A_WHILE);
    expect(endings).toEqual([]);
  });

  test('from the start: accepts, and says nothing', async () => {
    const proxy = start();
    proxy.stall({ mode: 'drop' });
    const client = new Client(proxy).send('hello?');
    await client.connected();
    proxy.until(({ received }) => received['client->broker'] === 6);
    await sleep(A_WHILE);
    expect(client.end).toBeUndefined();
    expect(proxy.seen()).toMatchObject({ open: 1, forwarded: both(0) });
  });

  test('is for later connections too, unless it ended before', async () => {
    const proxy = start();
    proxy.stall();
    const held = new Client(proxy).send('held');
    await sleep(A_WHILE);
    expect(proxy.seen().forwarded).toEqual(both(0));
    proxy.resume();
    await held.gets('held');
    await new Client(proxy).send('later').gets('later');
  });
});

describe('pace', () => {
  test('passes so many bytes a second', async () => {
    const proxy = start();
    proxy.throttle({ bytesPerSecond: 10_000, direction: 'broker->client' });
    const begin = performance.now();
    await new Client(proxy).send(sequence(4000)).gets(sequence(4000));
    expect(performance.now() - begin).toBeGreaterThan(350); // nobody waits behind the last slice
  });

  test('one byte at a time', async () => {
    const proxy = start();
    proxy.throttle({ bytesPerSecond: 50, piece: 1, direction: 'broker->client' });
    const client = new Client(proxy).send(sequence(30));
    await client.gets(sequence(30));
    // two may meet in a receiver that is late
    expect(client.chunks.length).toBeGreaterThan(15);
  });

  test('one byte at a time, as fast as that goes', async () => {
    const proxy = start();
    proxy.throttle({ piece: 1 });
    await new Client(proxy).send(sequence(5000)).gets(sequence(5000));
  });

  test('later, in order, and healed', async () => {
    const proxy = start();
    proxy.delay(150, { direction: 'client->broker' });
    const begin = performance.now();
    const client = new Client(proxy).send('a');
    await sleep(20);
    client.send('b');
    await client.gets('ab');
    expect(performance.now() - begin).toBeGreaterThan(160);
    proxy.delay(60_000);
    client.send('c');
    proxy.until(({ received }) => received['client->broker'] === 3);
    proxy.heal();
    await client.gets('abc');
  });

  test('a slow receiver makes the sender wait', async () => {
    const proxy = start();
    proxy.throttle({ bytesPerSecond: 1000, direction: 'client->broker' });
    const client = new Client(proxy).send(sequence(32 * 1024 * 1024));
    await sleep(A_WHILE);
    expect(client.socket.writableLength).toBeGreaterThan(0);
    expect(proxy.seen().received['client->broker']).toBeLessThan(1024 * 1024);
  });
});

describe('corrupt', () => {
  test.each([
    [undefined, 0xff ^ 0x63],
    [0, 0],
    [0xce, 0xce],
  ])('one byte (%p)', async (to, expected) => {
    const proxy = start();
    proxy.corrupt({ after: 2, direction: 'broker->client', ...(to !== undefined && { to }) });
    const client = new Client(proxy).send('abcde');
    await client.gets(Buffer.from([0x61, 0x62, expected, 0x64, 0x65]));
    await client.send('fg').gets(Buffer.from([0x61, 0x62, expected, 0x64, 0x65, 0x66, 0x67]));
  });

  test('each direction for itself, and before a cut', async () => {
    const proxy = start();
    for (const after of [0, 3]) proxy.corrupt({ after, to: 0x2a + after });
    proxy.cut({ after: 4, direction: 'client->broker' });
    new Client(proxy).send('abcdef');
    await serverSaw({ end: 'FIN', bytes: Buffer.from('*bc-') });
  });
});
