import { broker, CEILING, connectTo, errorOf } from '../support/peers/peer';
import {
  cut,
  expects,
  expectsEnd,
  ready,
  repeat,
  send,
  serve,
  stall,
  waitFor,
} from '../support/peers/script';

/** The tool that the other tests here rely on: does it complain? */
describe('a scripted broker', () => {
  test('shows expectation and difference, and hangs up', () => {
    const peer = broker([...ready(), expects('queue.purge', { queue: 'a' }, { channel: 1 }), serve()]);
    const channel = connectTo(peer).channel();
    expect(errorOf(() => channel.queuePurge('b'))).toMatchObject({ code: 'CONNECTION_LOST' });
    expect(() => peer.done()).toThrow(/expected\s+queue\.purge on channel 1 \{ queue: 'a' \}/);
    expect(peer.failure()).toMatch(/but the client sent\s+queue\.purge on channel 1 \{ queue: 'b'/);
    expect(peer.failure()).toMatch(/all that came: header, .*channel\.open, queue\.purge/);
    peer.close(); // or this test would fail by it
  });

  test('misses what never comes', () => {
    const peer = broker([...ready(), expects('queue.purge')]);
    connectTo(peer).channel();
    expect(() => peer.satisfied(50)).toThrow(/within 50 ms\s+all that came: .*channel\.open/);
    peer.close();
  });

  test('compares the bodies of messages', () => {
    const peer = broker([...ready(), expects('basic.publish', {}, { body: 'one' })]);
    connectTo(peer).channel().basicPublish('two');
    expect(() => peer.done()).toThrow(/with body 'one'.*with body 'two'/s);
    peer.close();
  });

  test('knows when the client leaves instead', () => {
    const peer = broker([...ready(), expects('queue.purge')]);
    connectTo(peer).abort();
    expect(() => peer.done()).toThrow(/but the client sent\s+the end of the connection/);
    peer.close();
  });

  test('gives the scripts to the connections in turn, the last one to all that follow', () => {
    const peer = broker([...ready(), cut()], [...ready(), serve()]);
    connectTo(peer).channel();
    for (let later = 0; later < 2; later++) expect(connectTo(peer).channel().basicGet('q')).toBeNull();
    expect(new Set(peer.transcript().map(({ connection }) => connection))).toEqual(new Set([1, 2, 3]));
  });

  test('waits for signals, stalls, repeats, and comes to an end', () => {
    const peer = broker([
      ...ready(),
      waitFor('go'),
      ...repeat(3, [send('basic.cancel', { noWait: true })]),
      stall(50),
      expectsEnd(),
    ]);
    const connection = connectTo(peer);
    connection.channel();
    peer.signal('go');
    connection.loop({ timeout: 10 });
    expect(() => peer.done(20)).toThrow('not come to its end');
    connection.abort();
    peer.done();
    const end = peer.transcript().at(-1);
    expect(end?.method).toBe('end');
    expect(Date.now() - (end?.at ?? 0)).toBeLessThan(CEILING);
  });
});
