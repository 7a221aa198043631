/**
 * `RUNTIME smoke.cjs [URL]`: what the library does, step by step, as a plain script, so that it says the same on every
 * runtime. Run it beside an installed amqp-sync and OpenTelemetry's SDK; run.ts does that. Without a URL the embedded broker
 * is used.
 *
 * Each step prints a line; the exit code is 1 if one failed. Steps that a runtime cannot do say which, and why.
 */
const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { spawnSync } = require('node:child_process');
const { subscribe, tracingChannel, unsubscribe } = require('node:diagnostics_channel');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');
const { trace } = require('@opentelemetry/api');
const {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} = require('@opentelemetry/sdk-trace-node');
const amqp = require('amqp-sync');
const amqpy = require('amqp-sync/amqpy');
const { instrument } = require('amqp-sync/opentelemetry');
const pika = require('amqp-sync/pika');

const { connect, deaths, Message, retry, startBroker, typed, waitAny } = amqp;
const { bun, deno } = process.versions;
const RUNTIME = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node.js ${process.version}`;
/** How this runtime runs a script; Deno's permissions are those that the docs name. */
const COMMAND = deno
  ? [process.execPath, 'run', '--allow-net', '--allow-read', '--allow-env', '--allow-sys', '--allow-run']
  : [process.execPath];
const CHILD = join(__dirname, 'child.cjs');
/** Milliseconds for what must end: far more than it takes. */
const CEILING = 60_000;

const url = process.argv[2];
const embedded = startBroker();
const target = url ?? embedded.url;
let count = 0;
let failures = 0;
let impossible = 0;
let connection;
let channel;
const steps = [];
const step = (title, fn) => steps.push([title, fn]);
/** A step that this runtime cannot do. */
const cannot = (title, reason) => steps.push([`${title}: ${reason}`, undefined]);

/** Queues to delete at the end. */
const own = [];
/** A queue of this step's own. */
function queueOf(options = {}) {
  const name = `smoke.${process.pid}.${own.length}`;
  own.push(name);
  channel.queueDeclare(name, { durable: true, ...options });
  return name;
}

function thrown(fn) {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

function child(how, queue, env = {}, command = COMMAND) {
  return spawnSync(command[0], [...command.slice(1), CHILD, how, queue], {
    encoding: 'utf8',
    timeout: CEILING,
    env: { ...process.env, AMQP_URL: target, ...env },
  });
}

const waiting = (queue) => channel.queueDeclare(queue, { passive: true }).messageCount;

// ── connecting ─────────────────────────────────────────────────────────────────────────────────────────

step('connect', () => {
  connection = connect(target, { heartbeat: 2, name: 'smoke' });
  assert.equal(connection.isOpen, true);
});
step('server properties and tuning', () => {
  assert.equal(connection.serverProperties.product, 'RabbitMQ');
  assert.equal(connection.heartbeat, 2);
});
step('a wrong password is an AuthenticationError', () => {
  const wrong = new URL(target);
  wrong.password = 'wrong';
  assert.equal(thrown(() => connect(wrong.href)).name, 'AuthenticationError');
});
step('nobody listens: ConnectError, with the address', () => {
  const error = thrown(() => connect('amqp://127.0.0.1:1/'));
  assert.equal(error.name, 'ConnectError');
  assert.match(error.message, /127\.0\.0\.1:1/);
});
step('open a channel', () => {
  channel = connection.channel();
  assert.equal(channel.isOpen, true);
});
step('whether calls are written past the worker', () => {
  const { directWrites } = connection.stats();
  if (deno) assert.equal(directWrites, undefined);
  else assert.ok(directWrites > 0, `${directWrites} direct writes`);
});

// ── verbs ──────────────────────────────────────────────────────────────────────────────────────────────

step('declare, publish, get, ack', () => {
  const queue = queueOf();
  channel.basicPublish('hello', { routingKey: queue, messageId: 'm1' });
  const message = channel.basicGet(queue);
  assert.equal(message.text, 'hello');
  assert.equal(message.properties.messageId, 'm1');
  message.ack();
  assert.equal(channel.basicGet(queue), null);
});
step('exchanges, bindings, purge, delete', () => {
  const queue = queueOf();
  const exchange = `${queue}.exchange`;
  channel.exchangeDeclare(exchange, 'topic', { autoDelete: true });
  channel.queueBind(queue, exchange, { routingKey: 'a.#' });
  for (const routingKey of ['a.b', 'a.c', 'b']) channel.basicPublish('x', { exchange, routingKey });
  assert.equal(channel.queuePurge(queue), 2);
  channel.queueUnbind(queue, exchange, { routingKey: 'a.#' });
  assert.equal(channel.queueDelete(queue), 0);
});
step('headers of every type', () => {
  const queue = queueOf();
  const headers = {
    text: 'ü',
    small: 1,
    big: 2n ** 60n,
    half: 1.5,
    yes: true,
    none: null,
    list: [1, 'a'],
    deep: { a: { b: 1 } },
  };
  channel.basicPublish('x', {
    routingKey: queue,
    headers: { ...headers, bytes: Buffer.from([0, 255]), i32: typed.int32(5), at: new Date(1e12) },
  });
  const got = channel.basicGet(queue, { noAck: true }).properties.headers;
  for (const [name, value] of Object.entries(headers)) assert.deepEqual(structuredClone(got[name]), value);
  assert.deepEqual([...got.bytes], [0, 255]);
  assert.equal(got.i32, 5);
  assert.equal(got.at.getTime(), 1e12);
});
step('a missing queue is a NotFoundError, and the channel alone is closed', () => {
  const other = connection.channel();
  const error = thrown(() => other.basicGet('no-such-queue'));
  assert.deepEqual([error.name, error.code, error.replyCode], ['NotFoundError', 'NOT_FOUND', 404]);
  assert.equal(other.isOpen, false);
  assert.equal(connection.isOpen, true);
});
step('the stack of an error begins at the caller', () => {
  const error = thrown(() => connection.channel().basicGet('no-such-queue'));
  assert.match(
    error.stack.split('\n').find((line) => line.includes('.cjs')),
    /smoke\.cjs/,
  );
});
step('a wrong argument is refused in one sentence', () => {
  assert.match(
    thrown(() => channel.basicPublish('x', { routingkey: 'q' })).message,
    /did you mean "routingKey"/,
  );
});
step('confirm mode: a publish returns when the broker has it', () => {
  const queue = queueOf();
  const confirmed = connection.channel();
  confirmed.confirmSelect();
  for (let n = 0; n < 20; n++) confirmed.basicPublish(String(n), { routingKey: queue });
  assert.equal(waiting(queue), 20);
});
step('an unroutable message is an UnroutableError with the message', () => {
  const confirmed = connection.channel();
  confirmed.confirmSelect();
  const error = thrown(() => confirmed.basicPublish('astray', { routingKey: 'nowhere', mandatory: true }));
  assert.equal(error.name, 'UnroutableError');
  assert.equal(error.returnedMessage.text, 'astray');
});
step('a full queue is a NackError', () => {
  const queue = queueOf({ arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
  const confirmed = connection.channel();
  confirmed.confirmSelect();
  confirmed.basicPublish('fits', { routingKey: queue });
  assert.equal(thrown(() => confirmed.basicPublish('too much', { routingKey: queue })).name, 'NackError');
});
step('publishBatch: 20,000 messages in a window', () => {
  const queue = queueOf();
  const confirmed = connection.channel();
  confirmed.confirmSelect();
  const results = confirmed.publishBatch(Array(20_000).fill('x'), { routingKey: queue });
  assert.ok(results.every(({ status }) => status === 'acked'));
  assert.equal(waiting(queue), 20_000);
});
step('publishBatch of a generator, results by onResult', () => {
  const queue = queueOf();
  const confirmed = connection.channel();
  confirmed.confirmSelect();
  function* lines() {
    for (let n = 0; n < 5000; n++) yield `line ${n}`;
  }
  let told = 0;
  const counts = confirmed.publishBatch(lines(), { routingKey: queue, onResult: () => told++ });
  assert.deepEqual([counts.acked, told], [5000, 5000]);
});
for (const size of [0, 1, 131_064, 131_065, 8 * 1024 * 1024]) {
  step(`a body of ${size} bytes there and back`, () => {
    const queue = queueOf();
    const body = Buffer.alloc(size, 'abcdefg');
    channel.basicPublish(body, { routingKey: queue });
    assert.ok(channel.basicGet(queue, { noAck: true }).body.equals(body));
  });
}
step('a transaction commits, and rolls back', () => {
  const queue = queueOf();
  const bank = connection.channel();
  bank.transaction(() => bank.basicPublish('kept', { routingKey: queue }));
  assert.equal(waiting(queue), 1);
  assert.equal(
    thrown(() =>
      bank.transaction(() => {
        bank.basicPublish('lost', { routingKey: queue });
        throw new Error('no');
      }),
    ).message,
    'no',
  );
  assert.equal(waiting(queue), 1);
});
step('txSelect, txCommit, txRollback', () => {
  const queue = queueOf();
  const bank = connection.channel();
  bank.txSelect();
  bank.basicPublish('1', { routingKey: queue });
  bank.txRollback();
  bank.basicPublish('2', { routingKey: queue });
  bank.txCommit();
  assert.equal(bank.basicGet(queue, { noAck: true }).text, '2');
});

// ── consuming ──────────────────────────────────────────────────────────────────────────────────────────

step('a loop over a queue; break gives back what was sent ahead', () => {
  const queue = queueOf();
  for (let n = 0; n < 10; n++) channel.basicPublish(String(n), { routingKey: queue });
  const seen = [];
  for (const message of channel.consume(queue, { prefetch: 5 })) {
    seen.push(message.text);
    message.ack();
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, ['0', '1', '2']);
  assert.equal(waiting(queue), 7);
});
step('a loop ends with its timeout', () => {
  let seen = 0;
  for (const _ of channel.consume(queueOf(), { timeout: 50 })) seen++;
  assert.equal(seen, 0);
});
step('50,000 messages without acknowledgements', () => {
  const queue = queueOf();
  const confirmed = connection.channel();
  confirmed.confirmSelect();
  confirmed.publishBatch(Array(50_000).fill('x'), { routingKey: queue });
  let seen = 0;
  for (const _ of channel.consume(queue, { noAck: true, limit: 50_000, timeout: CEILING })) seen++;
  assert.equal(seen, 50_000);
});
step('drainEvents calls back', () => {
  const queue = queueOf();
  const seen = [];
  const tag = channel.basicConsume(queue, (message) => {
    seen.push(message.text);
    message.ack();
  });
  channel.basicPublish('one', { routingKey: queue });
  while (seen.length < 1) connection.drainEvents({ timeout: CEILING });
  channel.basicCancel(tag);
  assert.deepEqual(seen, ['one']);
});
step('drainEvents with a timeout is a TimeoutError', () => {
  assert.equal(thrown(() => connection.drainEvents({ timeout: 30 })).name, 'TimeoutError');
});
step('a callback may make calls of its own', () => {
  const [queue, replies] = [queueOf(), queueOf()];
  const tag = channel.basicConsume(queue, (message) => {
    channel.basicPublish(`re: ${message.text}`, { routingKey: replies });
    message.ack();
  });
  channel.basicPublish('a', { routingKey: queue });
  connection.loop({ timeout: 200 });
  channel.basicCancel(tag);
  assert.equal(channel.basicGet(replies, { noAck: true }).text, 're: a');
});
step('an error of a callback comes out of drainEvents', () => {
  const queue = queueOf();
  const other = connection.channel();
  other.basicConsume(queue, () => {
    throw new Error('from the callback');
  });
  channel.basicPublish('a', { routingKey: queue });
  assert.equal(thrown(() => connection.loop({ timeout: 5000 })).message, 'from the callback');
  other.close();
});
step('a callback that returns a promise is refused', () => {
  const queue = queueOf();
  const other = connection.channel();
  other.basicConsume(queue, async () => {});
  channel.basicPublish('a', { routingKey: queue });
  assert.match(thrown(() => connection.loop({ timeout: 5000 })).message, /returned a promise/);
  other.close();
});
step('timers and sleep', () => {
  const seen = [];
  connection.callLater(20, () => seen.push('later'));
  connection.sleep(60);
  assert.deepEqual(seen, ['later']);
});
step('withDeadline limits what is inside', () => {
  assert.equal(thrown(() => connection.withDeadline(50, () => connection.sleep(5000))).name, 'TimeoutError');
});
step('waitAny waits for several connections', () => {
  const there = connect(target);
  const queue = queueOf();
  there.channel().basicConsume(queue, (message) => message.ack());
  channel.basicPublish('x', { routingKey: queue });
  assert.deepEqual(waitAny([connection, there], { timeout: CEILING }), [there]);
  there.close();
});

// ── objects and patterns ───────────────────────────────────────────────────────────────────────────────

step('queues and exchanges as objects', () => {
  const objects = connection.channel();
  const exchange = objects.declareExchange(`smoke.${process.pid}.shop`, 'topic', { autoDelete: true });
  const queue = objects.declareQueue().bind(exchange, 'order.*');
  exchange.publish(Message.json({ id: 1 }), 'order.created', { expiration: { hours: 1 } });
  assert.deepEqual(queue.get({ timeout: CEILING }).json, { id: 1 });
});
step('process acks on return, and rejects on throw', () => {
  const objects = connection.channel();
  const queue = objects.getQueue(queueOf());
  queue.publishBatch(['fine', 'wrong']);
  const error = thrown(() => {
    for (const message of queue.iterator({ timeout: CEILING, limit: 2 })) {
      message.process(() => {
        if (message.text === 'wrong') throw new Error('wrong');
      });
    }
  });
  assert.equal(error.message, 'wrong');
  assert.equal(queue.status().messageCount, 0);
});
step('a dead letter, and what it died of', () => {
  const objects = connection.channel();
  const dead = objects.declareQueue();
  const queue = objects.declareQueue(undefined, { deadLetterExchange: '', deadLetterRoutingKey: dead.name });
  queue.publish('x');
  queue.get({ timeout: CEILING }).reject();
  assert.equal(deaths(dead.get({ timeout: CEILING }))[0].reason, 'rejected');
});
step('subscribe with retry parks what fails', () => {
  const objects = connection.channel();
  const name = `smoke.${process.pid}.retry`;
  own.push(name, `${name}.parked`);
  const queue = objects.declareQueue(name);
  queue.publish('x');
  const subscription = queue.subscribe(
    () => {
      throw new Error('always');
    },
    { onError: retry({ max: 1, delay: 20, onError: () => {} }) },
  );
  for (let turns = 0; turns < 100; turns++) {
    connection.loop({ timeout: 50 });
    if (thrownOr(() => objects.queueDeclare(`${name}.parked`, { passive: true }).messageCount) === 1) break;
    if (!objects.isOpen) objects.reopen();
  }
  if (subscription.isActive) subscription.cancel();
  assert.equal(waiting(`${name}.parked`), 1);
});
function thrownOr(fn) {
  try {
    return fn();
  } catch {
    return undefined;
  }
}
step('a remote call to another thread', () => {
  const server = new Worker(join(__dirname, 'server.cjs'), {
    workerData: { url: target, name: `smoke.${process.pid}.sum` },
  });
  const procedure = connection.rpc(`smoke.${process.pid}.sum`);
  let sum;
  for (const end = Date.now() + CEILING; sum === undefined && Date.now() < end; ) {
    try {
      sum = procedure.call({ a: 1, b: 2 }).json;
    } catch (error) {
      assert.equal(error.name, 'UnroutableError'); // it does not serve yet
      connection.sleep(20);
    }
  }
  assert.equal(sum, 3);
  assert.match(thrown(() => procedure.call({ a: null })).message, /cannot add/);
  procedure.call('stop');
  server.unref();
});
step('nobody serves: UnroutableError, at once', () => {
  assert.equal(thrown(() => connection.rpc('smoke.nobody').call('x')).name, 'UnroutableError');
});
step('another thread calls, and interrupts', () => {
  const seen = [];
  const handle = connection.remote((value) => seen.push(value));
  const other = new Worker(join(__dirname, 'remote.cjs'), {
    workerData: handle,
    transferList: [handle.port],
  });
  const error = thrown(() => connection.loop({ timeout: CEILING }));
  assert.deepEqual([error.name, error.code], ['InterruptedError', 'STOPPED']);
  assert.deepEqual(seen, ['a', 'b']);
  other.unref();
});

// ── the facades ────────────────────────────────────────────────────────────────────────────────────────

step('pika: BlockingConnection, publish, get, consume', () => {
  const queue = queueOf();
  const blocking = new pika.BlockingConnection(new pika.URLParameters(target));
  const ch = blocking.channel();
  ch.basic_publish('', queue, 'one');
  ch.basic_publish('', queue, 'two');
  assert.equal(ch.basic_get(queue, true)[2].toString(), 'one');
  for (const [method, , body] of ch.consume(queue, { inactivity_timeout: 5 })) {
    assert.equal(body.toString(), 'two');
    ch.basic_ack(method.delivery_tag);
    break;
  }
  blocking.close();
});
step('amqpy: drain_events', () => {
  const queue = queueOf();
  const { hostname, port, username, password, pathname } = new URL(target);
  const conn = new amqpy.Connection({
    host: hostname,
    port: Number(port || 5672),
    userid: decodeURIComponent(username),
    password: decodeURIComponent(password),
    virtual_host: decodeURIComponent(pathname.slice(1)) || '/',
  });
  const ch = conn.channel();
  const seen = [];
  ch.basic_consume({
    queue,
    callback: (message) => {
      seen.push(message.body.toString());
      message.ack();
    },
  });
  ch.basic_publish(new amqpy.Message('hello'), '', queue);
  while (seen.length < 1) conn.drain_events(5);
  assert.deepEqual(seen, ['hello']);
  conn.close();
});

// ── trouble ────────────────────────────────────────────────────────────────────────────────────────────

step('heartbeats go on while the program computes', () => {
  for (const end = Date.now() + 7000; Date.now() < end; );
  channel.basicQos({ prefetchCount: 10 });
  assert.equal(connection.isOpen, true);
});
step('a connection that is cut is a ConnectionLostError, in every wait', () => {
  const cut = connect(embedded.url, { name: 'cut' });
  const ch = cut.channel();
  ch.queueDeclare('cut', { durable: true });
  embedded.kill('cut');
  const error = thrown(() => cut.drainEvents({ timeout: CEILING }));
  assert.equal(error.name, 'ConnectionLostError');
});
step('with recovery a loop goes on, and topology is there again', () => {
  const lasting = connect(embedded.url, { name: 'lasting', recovery: { interval: 20 } });
  const ch = lasting.channel();
  const { queue } = ch.queueDeclare('lasting', { durable: true });
  let seen = 0;
  ch.confirmSelect();
  ch.basicConsume(queue, (message) => {
    seen++;
    message.ack();
  });
  for (let round = 0; round < 5; round++) {
    embedded.kill('lasting');
    ch.basicPublish('x', { routingKey: queue, retry: true });
  }
  for (let turns = 0; seen < 5 && turns < 200; turns++) lasting.loop({ timeout: 50 });
  assert.ok(seen >= 5, `${seen} of 5`);
  assert.ok(lasting.epoch > 1);
  lasting.close();
});
step('an alarm blocks publishing for blockedTimeout', () => {
  const blocked = connect(embedded.url, { name: 'blocked', blockedTimeout: 50 });
  const ch = blocked.channel();
  ch.basicPublish('x', { routingKey: 'cut' });
  embedded.block();
  const error = thrown(() => {
    for (let n = 0; n < 1000; n++) {
      ch.basicPublish('x', { routingKey: 'cut' });
      blocked.sleep(5);
    }
  });
  assert.equal(error.name, 'BlockedTimeoutError');
  embedded.unblock();
  blocked.close();
});
step('a broker that says nothing is a HeartbeatTimeoutError', () => {
  const quiet = connect(embedded.url, { name: 'quiet', heartbeat: 1 });
  embedded.stall('quiet');
  assert.equal(thrown(() => quiet.drainEvents({ timeout: CEILING })).name, 'HeartbeatTimeoutError');
});
step('a call has its timeout', () => {
  const slow = connect(embedded.url, { name: 'slow' });
  const ch = slow.channel();
  embedded.stall('slow');
  assert.equal(thrown(() => ch.queueDeclare('x', { timeout: 50 })).name, 'TimeoutError');
  slow.abort();
});
/** What becomes of a call whose worker thread ends, and after how many milliseconds. */
function worker(fault, command) {
  const { status, stdout, stderr } = child(`worker-${fault}`, 'x', { AMQP_URL: embedded.url }, command);
  assert.equal(status, 0, stderr);
  const [name, ms] = stdout.trim().split(' ');
  return [name, Number(ms)];
}
// a wait without that would last for a minute; Deno lets those look at threads who may do everything
const EVERYTHING = deno ? [process.execPath, 'run', '--allow-all'] : COMMAND;
for (const fault of ['throw', 'exit', 'terminate']) {
  step(`a worker thread that dies (${fault}) is a WorkerCrashedError, soon`, () => {
    const [name, ms] = worker(fault, EVERYTHING);
    assert.equal(name, 'WorkerCrashedError');
    assert.ok(ms < 5000, `${ms} ms`);
  });
}
if (deno) {
  step('one that is ended from outside is a WorkerStalledError later, without --allow-all', () => {
    assert.equal(worker('terminate', COMMAND)[0], 'WorkerStalledError');
  });
}

// ── the end ────────────────────────────────────────────────────────────────────────────────────────────

for (const [how, status] of [
  ['end', 0],
  ['exit', 3],
  ['throw', 1],
  ['reject', 1],
]) {
  step(`300 messages without confirms arrive, though the program ends at once (${how})`, () => {
    const queue = queueOf();
    const result = child(how, queue);
    assert.equal(result.status, status, result.stderr);
    assert.equal(waiting(queue), 300);
  });
}
if (bun)
  cannot(
    'an exit listener may publish, too',
    'one that was added behind connect finds the connection closed',
  );
else {
  step('an exit listener may publish, too', () => {
    const queue = queueOf();
    assert.equal(child('listener', queue).status, 0);
    assert.equal(waiting(queue), 301);
  });
}
step('Ctrl-C ends a wait without a listener', () => {
  const queue = queueOf();
  assert.equal(child('wait', queue).signal, 'SIGINT');
  assert.equal(waiting(queue), 300);
});
step('Ctrl-C ends a program that computes, after a call that has waited', () => {
  assert.equal(child('compute', 'x').signal, 'SIGINT');
});
if (deno)
  cannot('Ctrl-C with a listener is an InterruptedError', 'its listeners wait for the call that blocks');
else {
  step('Ctrl-C with a listener is an InterruptedError', () => {
    const { status, stdout, stderr } = child('wait-listener', queueOf());
    assert.deepEqual([status, stdout], [7, 'InterruptedError\nfinally\nlistener\n'], stderr);
  });
}

// ── TLS, the command line, the embedded broker ─────────────────────────────────────────────────────────

step('TLS, with a certificate of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'smoke-'));
  const file = (name) => join(folder, name);
  const made = spawnSync('openssl', [
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost'.split(
      ' ',
    ),
    '-keyout',
    file('key'),
    '-out',
    file('cert'),
  ]);
  assert.equal(made.status, 0, String(made.stderr));
  const [key, cert] = [readFileSync(file('key')), readFileSync(file('cert'))];
  rmSync(folder, { recursive: true });
  const broker = startBroker({ tls: { key, cert } });
  const secure = connect(broker.url.replace('127.0.0.1', 'localhost'), { tls: { ca: cert } });
  const ch = secure.channel();
  ch.confirmSelect();
  const { queue } = ch.queueDeclare('', { exclusive: true });
  ch.basicPublish(Buffer.alloc(1_000_000, 'x'), { routingKey: queue });
  assert.equal(ch.basicGet(queue).body.length, 1_000_000);
  secure.close();
  assert.throws(() => connect(broker.url.replace('127.0.0.1', 'localhost')), { name: 'ConnectError' });
  broker.close();
});
step('the command line: publish, get', () => {
  const queue = queueOf();
  const bin = join(require.resolve('amqp-sync/package.json'), '..', 'dist', 'bin', 'amqp-sync.js');
  const cli = (...args) =>
    spawnSync(COMMAND[0], [...COMMAND.slice(1), bin, ...args, '--url', target], {
      encoding: 'utf8',
      timeout: CEILING,
    });
  const published = cli('publish', '-r', queue, '-b', 'from the shell');
  assert.equal(published.status, 0, published.stderr);
  assert.equal(cli('get', queue).stdout.trim(), 'from the shell');
});
step('diagnostics channels tell of a publish, whose headers they may add to, and of what happens', () => {
  const queue = queueOf();
  const names = [];
  const store = new AsyncLocalStorage();
  const { start, end } = tracingChannel('amqp-sync:publish');
  const { start: work } = tracingChannel('amqp-sync:process');
  const add = (operation) => {
    names.push('start');
    operation.headers.trace = 'here';
  };
  const note = () => names.push('end');
  const settled = ({ method }) => names.push(method);
  start.subscribe(add);
  end.subscribe(note);
  work.bindStore(store, ({ message }) => message.text);
  subscribe('amqp-sync:settle', settled);
  try {
    channel.basicPublish('told', { routingKey: queue });
    const message = channel.basicGet(queue);
    assert.equal(message.properties.headers.trace, 'here');
    message.process(() => names.push(store.getStore()));
  } finally {
    start.unsubscribe(add);
    end.unsubscribe(note);
    work.unbindStore(store);
    unsubscribe('amqp-sync:settle', settled);
  }
  channel.basicPublish('not told', { routingKey: queue });
  assert.deepEqual(names, ['start', 'end', 'told', 'basic.ack']);
});

step('OpenTelemetry: a publish, a get and the work on it are one trace', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  const instrumentation = instrument();
  const queue = queueOf();
  exporter.reset();
  let within;
  try {
    channel.basicPublish('traced', { routingKey: queue });
    channel.basicGet(queue).process(() => {
      within = trace.getActiveSpan();
    });
  } finally {
    instrumentation.disable();
  }
  channel.basicPublish('not traced', { routingKey: queue });
  const spans = exporter.getFinishedSpans();
  const names = ['send', 'receive', 'ack', 'process'].map((name) => `${name} ${queue}`);
  assert.deepEqual(
    spans.map(({ name }) => name),
    names,
  );
  assert.equal(new Set(spans.map((span) => span.spanContext().traceId)).size, 1);
  assert.equal(within, spans[3]);
});
step('the figures of a connection', () => {
  const before = connection.stats();
  const queue = queueOf();
  channel.basicPublish('counted', { routingKey: queue });
  assert.equal(channel.basicGet(queue).text, 'counted');
  const { messagesIn, messagesOut, unsettled } = connection.stats();
  assert.deepEqual([messagesIn - before.messagesIn, messagesOut - before.messagesOut], [1, 1]);
  assert.equal(unsettled, before.unsettled + 1);
  channel.basicAck(0, { multiple: true });
});

step('the embedded broker tells what it has', () => {
  assert.ok(embedded.queues().some(({ name }) => name === 'cut'));
  assert.ok(embedded.messages('cut').length >= 1);
});
step('close, twice; then a call says so', () => {
  for (const queue of own) channel.queueDelete(queue);
  connection.close();
  connection.close();
  assert.equal(thrown(() => channel.basicGet('x')).name, 'WrongStateError');
});
step('a thread that is free serves the next connection', () => {
  for (let round = 0; round < 5; round++) connect(target).close();
});

for (const [title, fn] of steps) {
  if (fn === undefined) {
    impossible++;
    console.log(`cannot - ${title}`);
    continue;
  }
  count++;
  const began = Date.now();
  try {
    fn();
    console.log(`ok ${count} - ${title} (${Date.now() - began} ms)`);
  } catch (error) {
    failures++;
    console.log(`not ok ${count} - ${title}\n  ${String(error.stack ?? error).replaceAll('\n', '\n  ')}`);
    if (channel !== undefined && !channel.isOpen && connection.isOpen) channel = connection.channel();
  }
}
embedded.close();
const limits = impossible === 0 ? '' : `, ${impossible} that it cannot`;
console.log(`${RUNTIME}: ${count - failures} passed, ${failures} failed${limits}`);
process.exit(failures === 0 ? 0 : 1);
