/** Together with aio-pika itself, where the machine has it: each calls the other. */
import { compressedJsonSerializer, Master, Rpc, RpcError, type TimeoutError } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { drainUntil, thrownBy, unique } from '../support/connect';
import { hasAioPika, python } from '../support/python/aio-pika';

const kinds = ['sum', 'fail', 'idle', 'exchange', 'own', 'tasks', 'packed', 'undone'];
const names = Object.fromEntries(kinds.map((kind) => [kind, unique(kind)])) as Record<string, string>;
const name = (which: string) => names[which] as string;

useChannel();

(hasAioPika ? describe : describe.skip)('aio-pika', () => {
  it('aio-pika serves, and this side calls', async () => {
    const { lines } = await python(
      `
rpc = await JsonRPC.create(channel, durable=True)
async def sum(*, a, b):
    return a + b
async def fail(*, text):
    raise ValueError(text)
await rpc.register(name('sum'), sum, auto_delete=True, durable=True)
await rpc.register(name('fail'), fail, auto_delete=True, durable=True)
async def own(*, a, b):
    return [a, b]
has_exchanges = 'exchange' in inspect.signature(JsonRPC.initialize).parameters # since 9
if has_exchanges:
    besides = await JsonRPC.create(channel, exchange=name('exchange'), durable=True)
    await besides.register(name('own'), own, auto_delete=True, durable=True)
await channel.declare_queue(name('idle'), auto_delete=True, durable=True, arguments={'x-dead-letter-exchange': 'rpc.dlx'})
say('exchanges' if has_exchanges else 'no exchanges')
await asyncio.sleep(100)`,
      names,
    );
    const rpc = new Rpc(channel);
    expect(rpc.call(name('sum'), { a: 1, b: 2 })).toBe(3);
    expect(connection.rpc(name('sum')).call({ a: 'x', b: 'ü' }).json).toBe('xü');
    const error = thrownBy<RpcError>(() => rpc.call(name('fail'), { text: 'bad' }));
    expect(error).toBeInstanceOf(RpcError);
    expect(error.message).toBe(`the server of "${name('fail')}" threw ValueError: bad`);
    expect(thrownBy(() => connection.rpc(name('fail')).call({ text: 'bad' })).message).toBe(error.message);
    const wrong = thrownBy<RpcError>(() => rpc.call(name('sum'), { a: 1 }));
    expect(wrong.remoteName).toBe('TypeError');
    const expired = thrownBy<TimeoutError>(() => rpc.call(name('idle'), {}, { expiration: 20 }));
    expect(expired.code).toBe('EXPIRED');
    if (lines[0] !== 'exchanges') return;
    const besides = new Rpc(channel, { exchange: name('exchange') });
    expect(besides.call(name('own'), { a: 1, b: null })).toEqual([1, null]);
  });

  it('aio-pika calls, and this side serves', async () => {
    const rpc = new Rpc(channel);
    const method = unique('method');
    const lines: string[] = [];
    rpc.register<{ a: number; b: number }>(method, ({ a, b }) => a + b, { durable: true, autoDelete: true });
    const procedure = unique('procedure');
    const fail = () => {
      throw new RangeError('out of bounds');
    };
    connection.rpc(procedure).serve(fail, { onError: () => lines.push('failed') });
    const { lines: said, end } = await python(
      `
rpc = await JsonRPC.create(channel, durable=True)
say('ready')
say(await rpc.call(name('method'), dict(a=1, b=2)))
say(await getattr(rpc.proxy, name('method'))(a=3, b=4))
try:
    await rpc.call(name('procedure'))
except Exception as error:
    say(type(error).__name__, json.dumps(error.args[1]))`,
      { method, procedure },
    );
    expect(said[0]).toBe('ready');
    drainUntil(connection, () => lines.length === 1);
    await end;
    const failure = { type: 'RangeError', message: 'out of bounds', args: ['out of bounds'] };
    expect(said).toEqual(['ready', '3', '7', expect.stringContaining('JsonRPCError')]);
    expect(JSON.parse((said[3] as string).replace('JsonRPCError ', ''))).toEqual({ error: failure });
  });

  it('aio-pika has workers, and this side has tasks', async () => {
    const { lines, end } = await python(
      `
done = asyncio.Semaphore(0)
def work(kind):
    async def worker(**kwargs):
        say(kind, json.dumps(kwargs, sort_keys=True))
        done.release()
    return worker
await JsonMaster(channel).create_worker(name('tasks'), work('plain'), auto_delete=True, durable=True)
await CompressedJsonMaster(channel).create_worker(name('packed'), work('packed'), auto_delete=True, durable=True)
say('ready')
for task in range(3):
    await asyncio.wait_for(done.acquire(), 60)`,
      names,
    );
    const master = new Master(channel);
    master.createTask(name('tasks'), { n: 1, text: 'ü' });
    master.createTask(name('tasks'));
    new Master(channel, { serializer: compressedJsonSerializer }).createTask(name('packed'), { n: [2] });
    await end;
    expect(lines.sort()).toEqual([
      'packed {"n": [2]}',
      'plain {"n": 1, "text": "\\u00fc"}',
      'plain {}',
      'ready',
    ]);
  });

  it('aio-pika has tasks, and this side has workers', async () => {
    const seen: unknown[] = [];
    const work = (kwargs: unknown) => seen.push(kwargs);
    const tasks = unique('tasks');
    const packed = unique('packed');
    // declared by both
    new Master(channel).createWorker(tasks, work, { durable: true, autoDelete: true });
    const serializer = compressedJsonSerializer;
    new Master(channel, { serializer }).createWorker(packed, work, { autoDelete: true });
    await python(
      `
await channel.declare_queue(name('tasks'), auto_delete=True, durable=True)
await JsonMaster(channel).create_task(name('tasks'), dict(n=1))
await getattr(JsonMaster(channel).proxy, name('tasks'))(text='ü')
await CompressedJsonMaster(channel).create_task(name('packed'), dict(n=[2]))
say('done')`,
      { tasks, packed },
    );
    drainUntil(connection, () => seen.length === 3);
    expect(seen).toEqual(expect.arrayContaining([{ n: 1 }, { text: 'ü' }, { n: [2] }]));
    connection.loop({ timeout: 0 });
  });
});
