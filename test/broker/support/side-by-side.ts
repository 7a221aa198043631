/** Scripts at the embedded broker and at RabbitMQ, step by step, and what each of them is told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { PLANS } from '../../../src/protocol/codec';
import { rabbitmqUrl } from '../../support/brokers/on-rabbitmq';
import { comparable, embedded, sameRules } from './pair';
import { RawClient, type Received } from './raw-client';
import type { Script, Step } from './scripts';

let started: string | undefined;
const ours = (): string => (started ??= embedded(sameRules).url);

let count = 0;

/** A client that runs a script, and what it is told. */
export class Run {
  readonly #told: Received[] = [];

  private constructor(
    readonly client: RawClient,
    readonly prefix: string,
    readonly pause: number,
  ) {}

  static async begin(url: string, prefix: string, pause: number): Promise<Run> {
    const client = await RawClient.open(url);
    await client.call(1, 'channel.open');
    return new Run(client, prefix, pause);
  }

  async do([name, args, body, properties]: Step): Promise<void> {
    const { client } = this;
    const before = client.received.length;
    client.send(1, name, args as never, body, properties);
    // RabbitMQ's parts work side by side: what one step does shall be done before the next
    const isAnswered = (): boolean =>
      client.closed ||
      client.received.slice(before).some((got) => got.name.startsWith(name) || got.name.endsWith('.close'));
    if (PLANS[name].replies.length > 0) await client.until(isAnswered);
    else await sleep(this.pause);
  }

  get told(): unknown {
    this.#told.push(...this.client.take());
    const told = JSON.stringify({ received: comparable(this.#told), closed: this.client.closed });
    return JSON.parse(told.replaceAll(this.prefix, ''));
  }
}

/** Milliseconds after a step without an answer. If what comes of it differs, the machine may just be busy. */
const PAUSES = [20, 100, 500];

export async function sideBySide(script: Script): Promise<Told> {
  let told!: Told;
  for (const pause of PAUSES) {
    told = await once(script, pause);
    if (isDeepStrictEqual(...told)) break;
  }
  return told;
}

export type Told = [here: unknown, there: unknown];

/** Step by step at both; what one of them says later than the other is waited for. */
async function once(script: Script, pause: number, limit = 2000): Promise<Told> {
  const prefix = `amqp-sync.script.${process.pid}.${count++}.`;
  const runs = await Promise.all([Run.begin(ours(), prefix, pause), Run.begin(rabbitmqUrl, prefix, pause)]);
  const told = () => runs.map((run) => run.told) as Told;
  const agreed = async (ms: number) => {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(5))
      if (isDeepStrictEqual(...told())) return true;
    return false;
  };
  for (const step of script((name) => prefix + name)) {
    await Promise.all(runs.map((run) => run.do(step)));
    if (!(await agreed(limit)) || runs.some(({ client }) => client.closed)) break;
  }
  await sleep(100); // whatever comes unasked
  await agreed(limit / 2);
  for (const { client } of runs) client.end();
  await Promise.all([ours(), rabbitmqUrl].map((url) => removeStream(url, prefix)));
  return told();
}

/** A stream is durable, and most scripts end with a refusal. */
async function removeStream(url: string, prefix: string): Promise<void> {
  const client = await RawClient.open(url);
  await client.call(1, 'channel.open');
  await client.call(1, 'queue.delete', { queue: `${prefix}s` });
  client.end();
}
