import type * as Dns from 'node:dns';
import type * as Net from 'node:net';

/**
 * The network of these tests: names with the addresses that the test gives them, where nothing listens
 * (10.0.0.*), that hang up (rude), or that swallow everything (all others).
 */
const names = new Map<string, string[]>();
const dialled: string[] = [];

jest.mock('node:dns', () => ({
  ...jest.requireActual<typeof Dns>('node:dns'),
  lookup: (host: string, _options: unknown, done: (error: Error | null, addresses: unknown[]) => void) => {
    const addresses = names.get(host);
    if (addresses === undefined) return; // a resolver that does not answer
    setImmediate(() =>
      done(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      ),
    );
  },
}));

jest.mock('node:net', () => {
  const net = jest.requireActual<typeof Net>('node:net');
  const connect = ({ host }: { host: string }) => {
    dialled.push(host);
    const socket = new net.Socket();
    if (host.startsWith('10.0.0.')) {
      const error = Object.assign(new Error(`connect ECONNREFUSED ${host}`), { code: 'ECONNREFUSED' });
      setImmediate(() => socket.destroy(error));
    }
    if (host === 'rude') {
      setImmediate(() => {
        socket.emit('connect');
        socket.destroy();
      });
    }
    return socket;
  };
  return { ...net, connect };
});

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ConnectOptions } from '../../src';
import { Link } from '../../src/bridge/link';
import { WorkerLink } from '../../src/bridge/worker-link';
import { resolveOptions } from '../../src/client/options/settings';
import type { ErrorRecord } from '../../src/contract/error-record';
import { Connector } from '../../worker/connection/connector';

const ports: MessagePort[] = [];
beforeEach(() => {
  names.clear();
  dialled.length = 0;
});
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** Ceiling for an end in time on a busy machine; that it was in time is seen by what was dialled and tried. */
const LATE = 4000;

/** Let a connector fail, in this thread. @returns its report, and the milliseconds until it came */
function fail(options: ConnectOptions): Promise<{ record: ErrorRecord; ms: number }> {
  const link = new Link(1024 * 1024, false, 60_000);
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  link.attach(port1);
  const worker = new WorkerLink(
    link.memory,
    link.wakeSignal.memory,
    port2,
    () => {},
    () => {},
  );
  const start = performance.now();
  return new Promise((resolve) => {
    new Connector(worker, resolveOptions({ url: 'amqp://', ...options }).session, () =>
      resolve({ record: JSON.parse(link.report) as ErrorRecord, ms: performance.now() - start }),
    );
  });
}

const tried = ({ attempts }: ErrorRecord) =>
  attempts?.map(({ host, address, stage }) => `${host} ${address ?? '-'} ${stage}`);

test('every address of a host is dialled, and is an attempt', async () => {
  names.set('cluster', ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  const { record } = await fail({ hostname: 'cluster' });
  expect(dialled).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  expect(record).toMatchObject({ name: 'ConnectError', code: 'ECONNREFUSED', recoverable: true });
  expect(tried(record)).toEqual(['cluster 10.0.0.1 tcp', 'cluster 10.0.0.2 tcp', 'cluster 10.0.0.3 tcp']);
});

test('an address that swallows everything holds up nobody: the next is dialled beside it', async () => {
  names.set('cluster', ['hole', '10.0.0.2']);
  const { record, ms } = await fail({ hostname: 'cluster', happyEyeballsDelay: 50, connectTimeout: 400 });
  expect(dialled).toEqual(['hole', '10.0.0.2']);
  expect(record.message).toContain('no answer within connectTimeout (400 ms)');
  expect(tried(record)).toContain('cluster 10.0.0.2 tcp');
  expect(ms).toBeGreaterThanOrEqual(395);
  expect(ms).toBeLessThan(LATE);
});

test('a host that swallows everything is left when its share is over, and is not begun again', async () => {
  const { record, ms } = await fail({ hosts: ['192.0.2.1', '10.0.0.1'], connectTimeout: 600 });
  expect(dialled).toEqual(['192.0.2.1', '10.0.0.1']);
  expect(tried(record)).toEqual(['192.0.2.1 - tcp', '10.0.0.1 - tcp']);
  expect(record.message).toContain('its share of connectTimeout (600 ms)');
  expect(ms).toBeGreaterThanOrEqual(295);
  expect(ms).toBeLessThan(LATE);
});

test('a host is left when its share is over, even if some of its addresses were never dialled', async () => {
  names.set('dark', ['hole-1', 'hole-2', 'hole-3']);
  const options = { hosts: ['dark', '10.0.0.1'], connectTimeout: 600, happyEyeballsDelay: 200 };
  const { record, ms } = await fail(options);
  expect(dialled).toEqual(['hole-1', 'hole-2', '10.0.0.1']);
  expect(tried(record)).toEqual(['dark - tcp', '10.0.0.1 - tcp']);
  expect(ms).toBeLessThan(LATE);
});

test('an address that answers, and then hangs up, leaves the others their try', async () => {
  names.set('cluster', ['rude', '10.0.0.2', '10.0.0.3']);
  const { record } = await fail({ hostname: 'cluster' });
  expect(dialled).toEqual(['rude', '10.0.0.2', '10.0.0.3']);
  expect(tried(record)).toEqual([
    'cluster rude connection.start',
    'cluster 10.0.0.2 tcp',
    'cluster 10.0.0.3 tcp',
  ]);
  expect(record.message).toMatch(
    /^cannot connect, 3 attempts failed:\n {2}cluster:5672 \[rude\] at connection.start: /,
  );
});

test('a resolver that does not answer is left when the share of its host is over', async () => {
  const { record, ms } = await fail({ hosts: ['unheard-of', '10.0.0.1'], connectTimeout: 400 });
  expect(tried(record)).toEqual(['unheard-of - resolve', '10.0.0.1 - tcp']);
  expect(ms).toBeGreaterThanOrEqual(195);
  expect(ms).toBeLessThan(LATE);
});

test('a name without an address is a failure, not something to wait for', async () => {
  names.set('empty', []);
  const { record, ms } = await fail({ hostname: 'empty' });
  expect(record).toMatchObject({ name: 'ConnectError', attempts: [{ host: 'empty', stage: 'resolve' }] });
  expect(ms).toBeLessThan(LATE);
});

test('TLS options that nothing can be made of are no reason for another round', async () => {
  const tls = { cert: 'no certificate' };
  const options = { hosts: ['10.0.0.1', '10.0.0.2'], tls, connectionAttempts: 3, retryDelay: 5000 };
  const { record, ms } = await fail(options);
  expect(record).toMatchObject({ name: 'ConnectError', code: 'TLS_OPTIONS', recoverable: false });
  expect(record.message).toContain('PEM is expected');
  expect(dialled).toEqual([]);
  expect(ms).toBeLessThan(LATE);
});
