/** Ctrl-C and SIGTERM, and what becomes of a blocked program. */
import { count, eventually, shared, sharedQueue } from '../support/connect';
import { broker } from '../support/peers/peer';
import {
  closed,
  expects,
  handshake,
  header,
  reading,
  ready,
  type Script,
  send,
  serve,
} from '../support/peers/script';
import { type End, run } from '../support/programs/program';
import { within } from '../support/within';

/** Milliseconds within which Ctrl-C has ended a program, with a broker that answers. */
const SOON = 1000;

const ended = ({ code, signal }: End) => [code, signal];

describe('Ctrl-C without a listener', () => {
  it('ends the program by SIGINT in a second; what it published has arrived, what it held is back', async () => {
    const channel = shared().channel();
    const out = sharedQueue(channel);
    const held = sharedQueue(channel, 'held');
    const program = run(`
      const channel = connect(url).channel();
      channel.basicGet(${JSON.stringify(held)});
      for (let i = 0; i < 5000; i++) channel.basicPublish('m' + i, { routingKey: ${JSON.stringify(out)} });
      say('waiting');
      try { channel.connection.drainEvents(); } finally { say('finally'); }`);
    await program.ctrlC();
    const end = await program.end;
    expect(ended(end)).toEqual([null, 'SIGINT']);
    expect(end.lines).toEqual([]); // there is no listener to unwind for
    expect(end.stderr).toBe('');
    expect(end.ms).toBeLessThan(within(SOON));
    expect(count(channel, out)).toBe(5000);
    eventually(() => count(channel, held) === 1);
    expect(channel.basicGet(held, { noAck: true })?.redelivered).toBe(true);
    channel.queueDelete(out);
    channel.queueDelete(held);
  });

  it('closes by handshake every connection, whichever was waited for', async () => {
    const peer = broker([...ready(), serve('connection.close'), ...closed()]);
    const program = run(
      `const [first, second] = [connect(url), connect(url)];
      for (const connection of [first, second]) connection.channel();
      say('waiting');
      first.loop();`,
      { url: peer.url },
    );
    await program.ctrlC();
    expect(ended(await program.end)).toEqual([null, 'SIGINT']);
    peer.done();
    expect(peer.methods().filter((method) => method === 'connection.close')).toHaveLength(2);
  });

  const deaf = [...ready(), expects('connection.close')]; // and never answers
  const waitingWith = (many: number) => `
    const channels = Array.from({ length: ${many} }, () => connect(url).channel());
    say('waiting');
    channels[0].connection.drainEvents();`;

  it.each([1, 2])('%i connection(s) that cannot be closed: about a second, all together', async (many) => {
    const program = run(waitingWith(many), { url: broker(deaf).url });
    await program.ctrlC();
    const end = await program.end;
    expect(ended(end)).toEqual([null, 'SIGINT']);
    expect(end.ms).toBeGreaterThan(900);
    expect(end.ms).toBeLessThan(within(1600));
  });

  it.each([1, 2])('a second Ctrl-C while %i connection(s) cannot be closed: at once', async (many) => {
    const peer = broker(deaf);
    const program = run(waitingWith(many), { url: peer.url });
    await program.ctrlC();
    peer.until((transcript) => transcript.some(({ method }) => method === 'connection.close'));
    await program.asleep();
    program.kill('SIGINT');
    const end = await program.end;
    expect(ended(end)).toEqual([null, 'SIGINT']);
    expect(end.ms).toBeLessThan(within(300));
  });

  it.each<[string, string, unknown[]]>([
    ['without a listener', '', [null, 'SIGINT']],
    ['with one', "process.on('SIGINT', () => {});", [4, null]],
  ])('while a finished program still closes its connections: at once, %s', async (_how, listener, how) => {
    const program = run(
      `${listener}
      for (let i = 0; i < 2; i++) connect(url).channel();
      process.exitCode = 4;
      say('waiting');`,
      { url: broker(deaf).url },
    );
    await program.ctrlC();
    const end = await program.end;
    expect(ended(end)).toEqual(how);
    expect(end.ms).toBeLessThan(within(300));
  });
});

describe('Ctrl-C with a listener', () => {
  /** A program that is interrupted: `main` is called as `start` says. */
  const guarded = (start: string, listener = "say('listener')") => `
    process.on('SIGINT', () => { ${listener} });
    const connection = connect(url);
    function main() {
      try {
        say('waiting');
        connection.drainEvents();
      } finally {
        say('finally', connection.isOpen);
        connection[Symbol.dispose]();
        say('closed', connection.isOpen);
      }
    }
    ${start}`;
  const UNWOUND = ['finally true', 'closed false'];

  it('the call throws InterruptedError, finally and dispose run, then the listener', async () => {
    const program = run(
      guarded(`try { main(); } catch (error) { say(error.name, error.code, error.recoverable, error.message); }
        setImmediate(() => say('end'));`),
    );
    await program.ctrlC();
    const end = await program.end;
    const error =
      'InterruptedError INTERRUPTED true interrupted by Ctrl-C (SIGINT) while waiting for the broker';
    expect(end.lines).toEqual([...UNWOUND, error, 'listener', 'end']);
    expect(ended(end)).toEqual([0, null]);
    expect(end.ms).toBeLessThan(within(SOON));
  });

  it.each<[string, string, boolean]>([
    ['', 'main();', false],
    ['in an async function', '(async () => main())();', false],
    ['from a timer', 'setTimeout(main, 1);', false],
    ['in an ES module', 'main();', true],
    ['in an ES module, after an await', 'await new Promise(setImmediate); main();', true],
  ])('uncaught %s: the same, and exit code 130', async (_how, start, module) => {
    const program = run(guarded(start), { module });
    await program.ctrlC();
    const end = await program.end;
    expect(end.lines).toEqual([...UNWOUND, 'listener']);
    expect(end.stderr).toContain('InterruptedError: interrupted by Ctrl-C');
    expect(ended(end)).toEqual([130, null]);
  });

  it('uncaught, and the listener ends the program itself: with its code', async () => {
    const program = run(guarded('main();', "say('listener'); process.exit(9);"));
    await program.ctrlC();
    const end = await program.end;
    expect(end.lines).toEqual([...UNWOUND, 'listener']);
    expect(ended(end)).toEqual([9, null]);
  });

  it('uncaught, with an uncaughtException handler: that first, the listener once, and the program goes on', async () => {
    const program = run(
      guarded(`process.on('uncaughtException', (error) => {
          say('uncaught', error.code);
          setTimeout(() => say('end'), 50);
        });
        main();`),
    );
    await program.ctrlC();
    const end = await program.end;
    expect(end.lines).toEqual([...UNWOUND, 'uncaught INTERRUPTED', 'listener', 'end']);
    expect(ended(end)).toEqual([0, null]);
  });

  it('caught, and another error ends the program: the listener does not run for that one', async () => {
    const program = run(
      guarded(`try { main(); } catch {}
        throw new Error('mine');`),
    );
    await program.ctrlC();
    const end = await program.end;
    expect(end.lines).toEqual(UNWOUND);
    expect(end.stderr).toContain('Error: mine');
    expect(ended(end)).toEqual([1, null]);
  });

  it('again and again in a program that goes on; the connection is as good as before', async () => {
    const program = run(`
      process.on('SIGINT', () => say('listener'));
      const connection = connect(url);
      const channel = connection.channel();
      const { queue } = channel.queueDeclare('', { exclusive: true });
      for (let press = 0; press < 3; press++) {
        say('waiting');
        try { connection.drainEvents(); } catch (error) { say(error.code); }
        channel.basicPublish('still there', { routingKey: queue });
        connection.flush();
        let message = null;
        while (message === null) message = channel.basicGet(queue, { noAck: true });
        say(message.text);
      }
      connection.close();`);
    for (let press = 0; press < 3; press++) await program.ctrlC();
    const end = await program.end;
    const round = ['INTERRUPTED', 'still there'];
    const presses = ['listener', 'listener', 'listener'];
    expect(end.lines).toEqual([...round, ...round, ...round, ...presses]);
    expect(ended(end)).toEqual([0, null]);
  });
});

describe('Ctrl-C ends every wait', () => {
  const begin = `const connection = connect(url); const channel = connection.channel();`;
  const two = `const channels = [connect(url).channel(), connect(url).channel()];`;
  const forEver = '{ timeout: Infinity }';
  const quiet = [...ready(), serve()];
  const publish: Script = [expects('basic.publish'), expects('basic.publish')];
  const full = [...ready(), reading(false)];

  /** What the broker does, what comes before the waits, and a wait, which is done twice. */
  it.each<[string, Script, string, string]>([
    ['drainEvents', quiet, begin, `connection.drainEvents()`],
    ['loop', quiet, begin, `connection.loop()`],
    ['sleep', quiet, begin, `connection.sleep(20_000)`],
    ['waitAny', quiet, begin, `waitAny([connection])`],
    ['an iterator', quiet, begin, `for (const message of channel.consume('q')) say(message)`],
    [
      'basicGet',
      [...ready(), expects('basic.get'), expects('basic.get'), ...closed()],
      begin,
      `channel.basicGet('q', ${forEver})`,
    ],
    [
      'a confirm',
      [...ready(), expects('confirm.select'), send('confirm.select-ok'), ...publish, ...closed()],
      `${begin} channel.confirmSelect();`,
      `channel.basicPublish('x', ${forEver})`,
    ],
    [
      'publishBatch, whose results say so',
      [...ready(), expects('confirm.select'), send('confirm.select-ok'), ...publish, ...closed()],
      `${begin} channel.confirmSelect();`,
      `for (const { error } of channel.publishBatch(['x'], ${forEver})) throw error`,
    ],
    [
      'waitForConfirms',
      [...ready(), expects('confirm.select'), send('confirm.select-ok'), ...publish, ...closed()],
      `${begin} channel.confirmSelect(); for (const body of 'xy') channel.basicPublish(body, { wait: false });`,
      `channel.waitForConfirms(${forEver})`,
    ],
    ['publish without room', full, begin, `for (;;) channel.basicPublish(Buffer.alloc(100_000), ${forEver})`],
    [
      'flush',
      full,
      `${begin} try { for (;;) channel.basicPublish(Buffer.alloc(100_000), { timeout: 50 }); } catch {}`,
      `connection.flush(${forEver})`,
    ],
    ['connect', [header()], '', 'connect(url)'],
    [
      'channel',
      [...handshake(), expects('channel.open'), expects('channel.open'), ...closed()],
      `const connection = connect(url);`,
      `connection.channel()`,
    ],
    ['channel.close', [...ready(), expects('channel.close'), ...closed()], two, 'channels.pop().close()'],
    ['close', [...ready(), expects('connection.close')], two, 'channels.pop().connection.close()'],
  ])('in %s', async (what, script, before, wait) => {
    const peer = broker(script);
    const program = run(
      `process.once('SIGINT', () => say('listener'));
      ${before}
      const wait = () => { say('waiting'); ${wait}; };
      try { wait(); } catch (error) { say(error.name, error.code); }
      setImmediate(wait);`,
      { url: peer.url },
    );
    for (let press = 1; press <= 2; press++) {
      // a thread has to start before connect waits for the broker
      if (what === 'connect')
        peer.until((transcript) => transcript.filter(({ method }) => method === 'header').length === press);
      await program.ctrlC();
    }
    const end = await program.end;
    expect(end.lines).toEqual(['InterruptedError INTERRUPTED', 'listener']);
    expect(ended(end)).toEqual([null, 'SIGINT']); // the second time nobody listens
    expect(end.ms).toBeLessThan(within(1600));
  });

  it('waits of a connection with interruptible: false are not interrupted: the signal does what it always does', async () => {
    const wait = (ms: number) => `const connection = connect(url, { interruptible: false });
      say('waiting');
      try { connection.sleep(${ms}); } finally { say('finally'); }`;
    const plain = run(wait(60_000));
    await plain.ctrlC();
    const died = await plain.end;
    expect([died.lines, ...ended(died)]).toEqual([[], null, 'SIGINT']);
    const heard = run(
      `process.on('SIGINT', () => say('listener')); ${wait(3000)} setTimeout(() => say('end'), 50);`,
    );
    await heard.ctrlC();
    const end = await heard.end;
    expect(end.lines).toEqual(['finally', 'listener', 'end']);
    expect(ended(end)).toEqual([0, null]);
  });
});

describe('SIGTERM', () => {
  it('without a listener: ends the program at once, and the broker requeues what it held', async () => {
    const channel = shared().channel();
    const held = sharedQueue(channel, 'held');
    const program = run(`
      const channel = connect(url).channel();
      channel.basicGet(${JSON.stringify(held)});
      say('waiting');
      channel.connection.drainEvents();`);
    await program.blocked();
    program.kill('SIGTERM');
    const end = await program.end;
    expect(ended(end)).toEqual([null, 'SIGTERM']);
    expect(end.ms).toBeLessThan(within(500));
    eventually(() => count(channel, held) === 1);
    channel.queueDelete(held);
  });

  it('recipe: the client in a worker, which the listener of the main thread interrupts', async () => {
    const channel = shared().channel();
    const queue = sharedQueue(channel);
    const program = run(`
      const threads = require('node:worker_threads');
      const job = (url, library, queue) => {
        const { connect } = require(library);
        const { parentPort } = require('node:worker_threads');
        const say = (...words) => require('node:fs').writeSync(1, words.join(' ') + '\\n');
        const connection = connect(url);
        const channel = connection.channel();
        const handle = connection.remote();
        parentPort.postMessage(handle, [handle.port]);
        say('waiting', Date.now());
        try {
          connection.drainEvents();
        } catch (error) {
          say(error.name, error.code);
          parentPort.postMessage(Date.now());
        } finally {
          channel.basicPublish('last words', { routingKey: queue });
          connection.close();
          say('finally');
        }
      };
      const args = [url, require.resolve(library), ${JSON.stringify(queue)}].map((arg) => JSON.stringify(arg));
      const worker = new threads.Worker('(' + job + ')(' + args + ')', { eval: true });
      worker.once('message', (handle) => {
        const remote = new Remote(handle);
        process.on('SIGTERM', () => {
          const began = Date.now();
          worker.once('message', (at) => say(at - began));
          remote.interrupt();
        });
      });
      worker.once('exit', (code) => say('worker', code));`);
    await program.blocked();
    program.kill('SIGTERM');
    const end = await program.end;
    const [took] = end.lines.filter((line) => /^\d+$/.test(line));
    expect(end.lines.filter((line) => line !== took)).toEqual([
      'InterruptedError STOPPED',
      'finally',
      'worker 0',
    ]);
    expect(Number(took)).toBeLessThan(within(50));
    expect(ended(end)).toEqual([0, null]);
    expect(end.ms).toBeLessThan(within(SOON));
    expect(channel.basicGet(queue, { noAck: true })?.text).toBe('last words');
    channel.queueDelete(queue);
  });

  it('recipe: short waits, and a turn of the event loop between them', async () => {
    const program = run(`
      let stop = false;
      process.on('SIGTERM', () => { stop = true; });
      (async () => {
        const connection = connect(url);
        say('waiting');
        while (!stop) {
          try {
            connection.drainEvents({ timeout: 100 });
          } catch (error) {
            if (!(error instanceof amqp.TimeoutError)) throw error;
          }
          await new Promise(setImmediate);
        }
        connection.close();
        say('closed');
      })();`);
    await program.blocked();
    program.kill('SIGTERM');
    const end = await program.end;
    expect(end.lines).toEqual(['closed']);
    expect(ended(end)).toEqual([0, null]);
    expect(end.ms).toBeLessThan(within(SOON));
  });
});
