/**
 * Sends tasks to a worker of Celery's, and gets their results, as `apply_async` and `get` do in Python. The worker here is
 * `celery -A tasks worker` with this tasks.py:
 *
 *     from celery import Celery
 *     app = Celery('tasks', broker='amqp://localhost', backend='rpc://')
 *
 *     @app.task
 *     def divide(x, y):
 *         return x / y
 */
import { randomUUID } from 'node:crypto';
import { connect, Message } from '../../src';

const connection = connect();
const channel = connection.channel();
const tasks = channel.declareQueue('celery');
const replies = channel.declareQueue(); // of this program alone

/** What Celery's backend `rpc://` says of a task: once at its end, and before with other states, RETRY for one. */
const results = new Map<string, { status: string; result: unknown }>();
replies.subscribe(({ json }) => {
  if (['SUCCESS', 'FAILURE', 'REVOKED'].includes(json.status)) results.set(json.task_id, json);
});

/** Send a task. Returns its id once the broker has it. */
function send(task: string, args: unknown[], kwargs = {}, { countdown = 0 } = {}): string {
  const id = randomUUID();
  const eta = countdown === 0 ? null : new Date(Date.now() + countdown * 1000).toISOString();
  const properties = { headers: { lang: 'js', task, id, eta }, correlationId: id, replyTo: replies.name };
  tasks.publish(Message.json([args, kwargs, {}], properties));
  return id;
}

/** Wait for the result of a task: returns what it has returned, and throws what it has thrown. */
function get(id: string, { timeout = 30_000 } = {}): unknown {
  while (!results.has(id)) connection.drainEvents({ timeout }); // a TimeoutError if nothing comes
  const { status, result } = results.get(id)!;
  results.delete(id);
  if (status === 'SUCCESS') return result;
  const { exc_type: name, exc_message: words } = result as { exc_type: string; exc_message: unknown[] };
  throw Object.assign(new Error(words.join(', ')), { name });
}

const [half, third] = [send('tasks.divide', [1, 2]), send('tasks.divide', [1], { y: 3 })]; // both at the same time
console.log(get(half), get(third));

const later = send('tasks.divide', [6, 2], {}, { countdown: 1 });
try {
  get(send('tasks.divide', [1, 0]));
} catch (error) {
  console.log(String(error)); // ZeroDivisionError: division by zero
}
console.log(get(later));
connection.close();
