import { ConnectionLostError } from '../../src';
import { broker, connectTo, talk, errorOf } from '../support/peer';
import { cut, expects, ready, serve, send } from '../support/script';

test('a', () => {
  const t = performance.now();
  const { peer, connection } = talk([...ready(), expects('queue.purge'), cut()]);
  const channel = connection.channel();
  expect(() => channel.queuePurge('q')).toThrow(ConnectionLostError);
  peer.done();
  console.log(peer.transcript(), performance.now() - t);
});
test('b', () => {
  for (let i = 0; i < 5; i++) {
    const t = performance.now();
    const { peer, connection } = talk([...ready(), serve()]);
    const channel = connection.channel();
    expect(channel.queueDeclare('q').queue).toBe('q');
    expect(channel.basicGet('q')).toBe(null);
    connection.close();
    peer.done();
    console.log(peer.methods(), performance.now() - t);
  }
});
test('c', () => {
  const { peer, connection } = talk([...ready(), expects('queue.purge', {queue: 'x'}), send('queue.purge-ok')]);
  const channel = connection.channel();
  console.log(errorOf(() => channel.queueDelete('q')));
});
