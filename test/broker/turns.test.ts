import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Engine } from '../../src/broker/engine';
import { serverOptions } from '../../src/embedded/options';
import { PROTOCOL_HEADER } from '../../src/protocol/constants';
import { BrokerSession } from '../../worker/broker/session';

/** A client's socket that gives what it is told to. */
function socketOf(...pieces: Buffer[]) {
  const socket = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() });
  for (const piece of pieces) socket.push(piece);
  return Object.assign(socket, { setNoDelay() {}, remoteAddress: 'nowhere', remotePort: 1 });
}

function session(socket: Duplex): BrokerSession {
  const options = serverOptions({});
  const engine = new Engine({ ...options, now: Date.now, onOutput: () => {}, onAlarm: () => {} });
  return new BrokerSession(socket as never, engine, options, {});
}

/** Heartbeats, as many as a socket gives at once. */
const flood = Buffer.alloc(65_536, Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce]));

test('a client that sends much is read from once a turn, so that others get theirs', async () => {
  const socket = socketOf(Buffer.from(PROTOCOL_HEADER));
  session(socket);
  await turn();
  const reads: number[] = [];
  let count = 0;
  socket.on('data', () => count++);
  for (let n = 0; n < 4; n++) socket.push(flood);
  for (let n = 0; n < 4; n++) {
    await turn();
    reads.push(count);
  }
  expect(reads[0]).toBeLessThan(4);
  expect(reads.at(-1)).toBe(4);
  socket.destroy();
});

test('a client that sends little is read from as it sends', async () => {
  const socket = socketOf(Buffer.from(PROTOCOL_HEADER));
  session(socket);
  let count = 0;
  socket.on('data', () => count++);
  for (let n = 0; n < 4; n++) socket.push(flood.subarray(0, 8));
  await turn();
  expect(count).toBeGreaterThanOrEqual(4);
  socket.destroy();
});
