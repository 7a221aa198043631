/**
 * A worker for tasks that programs in Python send with Celery. It acks a task when that is done, which Celery calls
 * `acks_late`: if it dies before, another one gets the task. Links, chains and chords are refused. In Python:
 *
 *     from celery import Celery
 *     app = Celery(broker='amqp://localhost', backend='rpc://')
 *     app.conf.task_routes = {'js.*': {'queue': 'js'}}
 *     print(app.send_task('js.upper', ['hello']).get())
 */
import { connect, type IncomingMessage, Message } from '../../src';

type Task = (args: unknown[], kwargs: Record<string, unknown>, retries: number) => unknown;

/** To be thrown by a task that is to be tried again in a second, three times at most. */
class Retry extends Error {
  override name = 'Retry';
}

const tasks = new Map<string, Task>();
tasks.set('js.upper', ([text]) => {
  if (typeof text !== 'string') throw new TypeError(`js.upper: a text is expected, got ${text}`);
  return text.toUpperCase();
});
tasks.set('js.fragile', (_, { failures }, retries) => {
  if (retries < Number(failures)) throw new Retry(`failed ${retries + 1} times`);
  return `worked at attempt ${retries + 1}`;
});

const connection = connect();
const channel = connection.channel();
const queue = channel.declareQueue('js'); // whoever reads a queue must know all tasks in it

function perform({ json, properties }: IncomingMessage): unknown {
  const { task, retries } = properties.headers as { task: string; retries: number };
  const [args, kwargs, { callbacks, chain, chord }] = json;
  if (callbacks || chain || chord)
    throw new Error(`${task}: links, chains and chords are not for this worker`);
  const fn = tasks.get(task);
  if (fn === undefined) throw new Error(`${task}: there is no such task here`);
  return fn(args, kwargs, retries) ?? null;
}

/** What Celery's backend `rpc://` waits for. */
function reply(
  { properties }: IncomingMessage,
  status: string,
  result: unknown,
  traceback?: string,
): Message {
  const { headers, correlationId } = properties;
  const answer = { task_id: headers!.id, status, result, traceback: traceback ?? null, children: [] };
  return Message.json(answer, { correlationId });
}

function carryOut(message: IncomingMessage): void {
  const { headers, replyTo } = message.properties;
  const retries = Number(headers!.retries);
  let answer: Message;
  try {
    answer = reply(message, 'SUCCESS', perform(message));
  } catch (error) {
    const { name, message: text, stack } = error as Error;
    const isAgain = error instanceof Retry && retries < 3;
    if (isAgain) {
      const eta = new Date(Date.now() + 1000).toISOString();
      queue.publish(message.copy({ headers: { ...headers, retries: retries + 1, eta } }));
    }
    // in Python it is an exception of that name
    const exception = { exc_type: name, exc_message: [text], exc_module: null };
    answer = reply(message, isAgain ? 'RETRY' : 'FAILURE', exception, stack);
  }
  // not mandatory: whoever has sent the task may have gone
  if (replyTo) channel.defaultExchange.publish(answer, replyTo, { mandatory: false });
  message.ack();
}

function take(message: IncomingMessage): void {
  const { task, id, eta } = message.properties.headers ?? {};
  if (!task || !id) return message.reject(); // not of Celery's protocol 2
  // a task whose time has not come waits here, unacked, as in Celery's own workers; RabbitMQ allows that for 30 minutes
  const wait = typeof eta === 'string' ? Date.parse(eta) - Date.now() : 0;
  connection.callLater(Math.max(0, wait), () => carryOut(message));
}

queue.consume(take, { prefetch: 10 });
console.log('ready');
connection.loop();
