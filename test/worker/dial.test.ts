import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { interleaved, Race, resolve } from '../../worker/connection/dial';

const V4 = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
const V6 = ['::1', '::2', '::3'];
const found = (...addresses: string[]) =>
  addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

describe('the order of addresses (RFC 8305 §4)', () => {
  test.each<[string, string[], number, string[]]>([
    ['as resolved', [...V6, ...V4], 0, [...V6, ...V4]],
    ['in turn', [...V6, ...V4], 1, ['::1', '10.0.0.1', '::2', '10.0.0.2', '::3', '10.0.0.3']],
    [
      'the family that came first is preferred',
      [...V4, ...V6],
      1,
      [V4[0]!, '::1', V4[1]!, '::2', V4[2]!, '::3'],
    ],
    ['two of it first', [...V6, ...V4], 2, ['::1', '::2', '10.0.0.1', '::3', '10.0.0.2', '10.0.0.3']],
    ['more than there are', [...V6, ...V4], 9, [...V6, ...V4]],
    ['one family alone', V4, 1, V4],
    ['the rest of the longer family', ['::1', ...V4], 1, ['::1', ...V4]],
    ['already mixed', ['::1', V4[0]!, V4[1]!, '::2'], 1, ['::1', V4[0]!, '::2', V4[1]!]],
    ['no address', [], 1, []],
    ['an address twice, as a careless hosts file has it', ['::1', '::1', V4[0]!, '::1'], 1, ['::1', V4[0]!]],
    ['twice, as resolved', [V4[0]!, V4[0]!], 0, [V4[0]!]],
  ])('%s', (_what, resolved, first, order) => {
    expect(interleaved(found(...resolved), first)).toEqual(order);
  });
});

describe('resolve', () => {
  const resolved = (host: string) =>
    new Promise((done) => resolve(host, 1, (error, addresses) => done(error ?? addresses)));

  test.each(['127.0.0.1', '::1', '2001:db8::7', 'fe80::1%1'])('%s is its own address', async (address) => {
    expect(await resolved(address)).toEqual([address]);
  });

  test('a name that there is not is an error with a code', async () => {
    expect(await resolved('no-such-host.invalid')).toMatchObject({ code: expect.stringMatching(/^E/) });
  });
});

/** A socket that does what the test says. */
class FakeSocket extends EventEmitter {
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
  }
}

/** A race and what came of it: `open a`, `lost a`, `won a`, `failed`, in order. */
class Rig {
  readonly race: Race;
  readonly sockets = new Map<string, FakeSocket>();
  readonly log: string[] = [];

  constructor(addresses: string[], delay = 250) {
    this.race = new Race(addresses, delay);
  }

  start(): this {
    const open = (address: string) => {
      this.log.push(`open ${address}`);
      const socket = new FakeSocket();
      this.sockets.set(address, socket);
      return socket as unknown as Socket;
    };
    this.race.start(open, {
      lost: (address, error) => this.log.push(`lost ${address} ${error.message}`),
      won: (address, socket) => {
        expect(socket).toBe(this.sockets.get(address));
        this.log.push(`won ${address}`);
      },
      failed: () => this.log.push('failed'),
    });
    return this;
  }

  connect(address: string): void {
    this.sockets.get(address)!.emit('connect');
  }
  fail(address: string): void {
    this.sockets.get(address)!.emit('error', new Error('no'));
  }
  /** Events since the last look. */
  news(): string[] {
    return this.log.splice(0);
  }
  /** Addresses whose sockets have not been put down. */
  get alive(): string[] {
    return [...this.sockets].filter(([, { destroyed }]) => !destroyed).map(([address]) => address);
  }
}

describe('the race of addresses (RFC 8305 §5)', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('a single address that answers has won', () => {
    const rig = new Rig(['a']).start();
    rig.connect('a');
    expect(rig.news()).toEqual(['open a', 'won a']);
    expect(jest.getTimerCount()).toBe(0);
    expect(rig.race.left).toBe(0);
  });

  test('a single address that does not answer has failed', () => {
    const rig = new Rig(['a']).start();
    rig.fail('a');
    expect(rig.news()).toEqual(['open a', 'lost a no', 'failed']);
    expect(rig.race.left).toBe(0);
  });

  test('the next is tried beside the first after the delay, not before', () => {
    const rig = new Rig(['a', 'b', 'c'], 250).start();
    expect(rig.news()).toEqual(['open a']);
    jest.advanceTimersByTime(249);
    expect(rig.news()).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(rig.news()).toEqual(['open b']);
    jest.advanceTimersByTime(250);
    expect(rig.news()).toEqual(['open c']);
    expect(jest.getTimerCount()).toBe(0);
    expect(rig.alive).toEqual(['a', 'b', 'c']); // nobody is cut short
  });

  test('whoever answers first wins, and the others are put down', () => {
    const rig = new Rig(['a', 'b', 'c']).start();
    jest.advanceTimersByTime(500);
    rig.connect('b');
    expect(rig.news()).toEqual(['open a', 'open b', 'open c', 'won b']);
    expect(rig.alive).toEqual(['b']);
    // events of the losers afterwards do not count
    rig.connect('a');
    rig.fail('c');
    expect(rig.news()).toEqual([]);
  });

  test('a slow first one still wins against those that fail', () => {
    const rig = new Rig(['a', 'b', 'c']).start();
    jest.advanceTimersByTime(500);
    rig.fail('b');
    rig.fail('c');
    rig.connect('a');
    expect(rig.news().slice(3)).toEqual(['lost b no', 'lost c no', 'won a']);
  });

  test('after a failure the next is tried at once, and has the whole delay for itself', () => {
    const rig = new Rig(['a', 'b', 'c'], 250).start();
    jest.advanceTimersByTime(200);
    rig.fail('a');
    expect(rig.news()).toEqual(['open a', 'lost a no', 'open b']);
    jest.advanceTimersByTime(200);
    expect(rig.news()).toEqual([]);
    jest.advanceTimersByTime(50);
    expect(rig.news()).toEqual(['open c']);
  });

  test('the race has failed when the last address under way has', () => {
    const rig = new Rig(['a', 'b']).start();
    jest.advanceTimersByTime(250);
    rig.fail('b');
    expect(rig.news()).toEqual(['open a', 'open b', 'lost b no']);
    rig.fail('a');
    expect(rig.news()).toEqual(['lost a no', 'failed']);
  });

  test('a delay of Infinity: one after the other', () => {
    const rig = new Rig(['a', 'b'], Number.POSITIVE_INFINITY).start();
    jest.advanceTimersByTime(3_600_000);
    expect(rig.news()).toEqual(['open a']);
    expect(jest.getTimerCount()).toBe(0);
    rig.fail('a');
    expect(rig.news()).toEqual(['lost a no', 'open b']);
  });

  test('the winner may fail later: only those that did not lose are tried then', () => {
    const rig = new Rig(['a', 'b', 'c', 'd']).start();
    rig.fail('a');
    jest.advanceTimersByTime(250);
    rig.connect('b');
    expect(rig.race.left).toBe(2); // c, which was under way, and d
    rig.news();
    rig.sockets.get('b')!.emit('error', new Error('reset')); // not the race's any more
    expect(rig.news()).toEqual([]);
    rig.start();
    expect(rig.news()).toEqual(['open c']);
    rig.fail('c');
    rig.fail('d');
    expect(rig.news()).toEqual(['lost c no', 'open d', 'lost d no', 'failed']);
    expect(rig.race.left).toBe(0);
  });

  test('cancelled: every socket is put down, no timer is left, nothing is told', () => {
    const rig = new Rig(['a', 'b', 'c']).start();
    jest.advanceTimersByTime(250);
    rig.news();
    rig.race.cancel();
    expect(rig.alive).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
    rig.connect('a');
    rig.fail('b');
    jest.advanceTimersByTime(1000);
    expect(rig.news()).toEqual([]);
    expect(rig.race.left).toBe(3); // none of them was tried to the end
  });

  test('cancelled before it starts, and after it has failed: nothing to do', () => {
    const rig = new Rig(['a']);
    rig.race.cancel();
    expect(rig.race.left).toBe(1);
    rig.start().fail('a');
    rig.race.cancel();
    expect(rig.race.left).toBe(0);
  });
});
