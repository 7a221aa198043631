import { setTimeout as sleep } from 'node:timers/promises';
import type { TableInput } from '../../../src/protocol/field-table';
import type { MethodName } from '../../../src/protocol/method-types';
import { rabbitmqUrl } from '../../support/brokers/on-rabbitmq';
import { comparable } from './pair';
import { RawClient } from './raw-client';
import type { Step } from './scripts';

/** Milliseconds in which either broker has done what it was told, unless the machine is busy. */
const PAUSE = 150;
/** The second time all may be quiet; the third all times of the play are longer: those that pass, and those that arguments name. */
const PACES = [1, 1, 4];
const TIMES = ['x-consumer-timeout', 'x-delayed-retry-min', 'x-delayed-retry-max'];

/** A play of several clients, in which time passes: what each of them is told between two pauses is compared. */
export type Play = (scene: Scene) => Promise<void>;

let count = 0;

/** One broker, the clients of a play there, and what they were told. */
export class Scene {
  readonly #clients: RawClient[] = [];
  readonly #log: unknown[] = [];
  readonly #queues: string[] = [];

  constructor(
    readonly url: string,
    readonly prefix: string,
    /** How many times as long everything takes. */
    readonly pace: number,
  ) {}

  name(name: string): string {
    return this.prefix + name;
  }

  /** A client with channel 1. */
  async client(
    ...wishes: Parameters<typeof RawClient.open> extends [string, (infer W)?] ? [W?] : never
  ): Promise<RawClient> {
    const client = await RawClient.open(this.url, ...wishes);
    this.#clients.push(client);
    await client.call(1, 'channel.open');
    return client;
  }

  /** A quorum queue. */
  async quorum(args: TableInput = {}, name = 'q'): Promise<string> {
    const queue = this.name(name);
    const setup = await this.client();
    await setup.call(1, 'queue.declare', {
      queue,
      durable: true,
      arguments: { 'x-queue-type': 'quorum', ...this.#slowed(args) },
    });
    this.#queues.push(queue);
    return queue;
  }

  /** Each step of one client on its channel 1, and time for it. */
  async do(client: RawClient, ...steps: Step[]): Promise<void> {
    for (const [name, given, body, properties] of steps) {
      const table = (given as { arguments?: TableInput } | undefined)?.arguments;
      const args = table === undefined ? given : { ...given, arguments: this.#slowed(table) };
      client.send(1, name as MethodName, args as never, body, properties);
      await this.pause();
    }
  }

  /** Let milliseconds pass, and note what has come. */
  async pause(ms = PAUSE): Promise<void> {
    await sleep(ms * this.pace);
    for (const [index, client] of this.#clients.entries()) {
      const got = comparable(client.take());
      if (got.length > 0) this.#log.push(index, ...got);
      if (client.closed) this.#log.push(`${index} is closed`);
    }
    this.#log.push('then');
  }

  #slowed(args: TableInput): TableInput {
    const slowed = ([name, value]: [string, unknown]) =>
      TIMES.includes(name) && typeof value === 'number' ? [name, value * this.pace] : [name, value];
    return Object.fromEntries(Object.entries(args).map(slowed));
  }

  async end(): Promise<unknown> {
    const last = await RawClient.open(this.url);
    await last.call(1, 'channel.open');
    for (const queue of this.#queues) await last.call(1, 'queue.delete', { queue });
    for (const client of [last, ...this.#clients]) client.end();
    return JSON.parse(JSON.stringify(this.#log).replaceAll(this.prefix, ''));
  }
}

/** Plays that are on at a time: they wait for most of it. */
const STAGES = 5;

type Told = [here: unknown, there: unknown];

/** All plays, and what will be said in each. */
export function begin(ours: string, plays: Readonly<Record<string, Play>>): Map<string, Promise<Told>> {
  const stages: Promise<unknown>[] = Array.from({ length: STAGES }, () => Promise.resolve());
  const told = Object.entries(plays).map(([name, play], index): [string, Promise<Told>] => {
    const outcome = stages[index % STAGES]!.then(() => playedOnBoth(ours, play));
    stages[index % STAGES] = outcome.catch(() => {});
    return [name, outcome];
  });
  return new Map(told);
}

/** The play at both brokers at once, and what they said; more slowly if they differ. */
async function playedOnBoth(ours: string, play: Play): Promise<Told> {
  let told: Told = [undefined, undefined];
  for (const pace of PACES) {
    const prefix = `amqp-sync.scene.${process.pid}.${count++}.`;
    const scenes = [new Scene(ours, prefix, pace), new Scene(rabbitmqUrl, prefix, pace)];
    await Promise.all(scenes.map(play));
    told = (await Promise.all(scenes.map((scene) => scene.end()))) as Told;
    if (JSON.stringify(told[0]) === JSON.stringify(told[1])) break;
  }
  return told;
}
