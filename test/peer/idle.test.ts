/** A connection on which nothing happens is cut by what is in between: the error says how long nothing had happened. */
import { type AmqpError, ConnectionLostError } from '../../src';
import { broker, CEILING, connectTo, errorOf } from '../support/peers/peer';
import { cut, handshake, stall } from '../support/peers/script';

const lossAfter = (ms: number, heartbeat: number) => {
  const peer = broker([...handshake(), stall(ms), cut()]);
  const connection = connectTo(peer, { heartbeat });
  return errorOf<AmqpError>(() => connection.drainEvents({ timeout: CEILING }));
};

test('an idle connection is lost with its idle time beside the heartbeat', () => {
  const error = lossAfter(1500, 0);
  expect(error).toBeInstanceOf(ConnectionLostError);
  expect(error.message).toMatch(/ was lost: .*; it had been idle for [1-9]\d* s, and the heartbeat is off$/);
  expect(lossAfter(1500, 60).message).toMatch(/ had been idle for [1-9]\d* s, and the heartbeat is \d+ s$/);
});
