/** Ctrl-C during a call that blocks is KeyboardInterrupt, with nothing to be set up. */
import { broker } from '../../support/peers/peer';
import { expects, ready, send, serve } from '../../support/peers/script';
import { type End, type ProgramOptions, run } from '../../support/programs/program';

/** A program with a connection and a channel of amqpy. */
const program = (source: string, options: ProgramOptions = {}) =>
  run(
    `const { Connection, KeyboardInterrupt, NotFound } = require(library.replace(/index\\.js$/, 'compat/amqpy.js'));
    const { hostname, port, username, password, pathname } = new URL(url);
    const conn = new Connection({ host: hostname, port: Number(port), userid: username || 'guest',
      password: password || 'guest', virtual_host: decodeURIComponent(pathname.slice(1)) || '/' });
    const ch = conn.channel();
    ${source}`,
    options,
  );

const ended = ({ code, signal }: End) => [code, signal];

test.each([
  ['drain_events', 'conn.drain_events()'],
  ['loop', 'conn.loop()'],
  ['returned_messages.get', 'ch.returned_messages.get()'],
])('KeyboardInterrupt in %s can be caught, and the connection is as good as before', async (_, call) => {
  const interrupted = program(`
    try { say('waiting'); ${call}; } catch (error) {
      say(error instanceof KeyboardInterrupt, error.name, error.cause.name);
    }
    say(ch.queue_declare('', { exclusive: true }).message_count, conn.is_alive());
    conn.close();
    setTimeout(() => say('end'), 50);`);
  await interrupted.ctrlC();
  const end = await interrupted.end;
  expect(end.lines).toEqual(['true KeyboardInterrupt InterruptedError', '0 true', 'end']);
  expect([...ended(end), end.stderr]).toEqual([0, null, '']);
});

test('KeyboardInterrupt ends a call whose answer does not come; the answer is swallowed when it does', async () => {
  const peer = broker([
    ...[...ready(), expects('queue.purge'), expects('queue.purge')],
    ...[send('queue.purge-ok', { messageCount: 1 }), send('queue.purge-ok', { messageCount: 2 }), serve()],
  ]);
  const interrupted = program(
    `try { say('waiting'); ch.queue_purge('one'); } catch (error) { say(error.name); }
    say(ch.queue_purge('two'));`,
    { url: peer.url },
  );
  await interrupted.ctrlC();
  expect((await interrupted.end).lines).toEqual(['KeyboardInterrupt', '2']);
});

test('KeyboardInterrupt is heard while a channel is being opened again', async () => {
  const peer = broker([
    ...[
      ...ready(),
      expects('queue.purge'),
      send('channel.close', { replyCode: 404, replyText: 'NOT_FOUND' }),
    ],
    ...[expects('channel.close-ok'), expects('channel.open'), serve()],
  ]);
  const interrupted = program(
    `try { say('waiting'); ch.queue_purge('one'); } catch (error) { say(error.name, error instanceof NotFound); }`,
    { url: peer.url },
  );
  await interrupted.ctrlC();
  expect((await interrupted.end).lines).toEqual(['KeyboardInterrupt false']);
});

test('KeyboardInterrupt that is not caught runs finally, and the exit code is that of Ctrl-C', async () => {
  const interrupted = program(`
    try { say('waiting'); conn.loop(); } finally { say('finally', conn.connected); }`);
  await interrupted.ctrlC();
  const end = await interrupted.end;
  expect(end.lines).toEqual(['finally true']);
  expect(end.stderr).toContain('KeyboardInterrupt: interrupted by Ctrl-C');
  expect(ended(end)).toEqual([130, null]);
});

test.each([
  ['caught', 'try { main(); } catch (error) { say(error.name); }', ['KeyboardInterrupt', 'listener'], 0],
  ['uncaught', 'main();', ['listener'], 130],
])("a listener of one's own is called, too, where KeyboardInterrupt is %s", async (_, start, lines, code) => {
  const interrupted = program(`
    process.on('SIGINT', () => say('listener'));
    function main() { say('waiting'); conn.loop(); }
    ${start}`);
  await interrupted.ctrlC();
  const end = await interrupted.end;
  expect([end.lines, end.code]).toEqual([lines, code]);
});

test('Ctrl-C ends what is not a call of the facade as ever', async () => {
  const interrupted = program(`
    amqp.connect(url).channel();
    say('waiting'); pause(10000);`);
  await interrupted.ctrlC();
  expect(ended(await interrupted.end)).toEqual([null, 'SIGINT']);
});
