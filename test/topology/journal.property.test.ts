import fc from 'fast-check';
import type { Input, MethodName } from '../../src/protocol/method-types';
import { Journal } from '../../src/topology/journal';
import { contents, Talk } from './talk';

/**
 * A broker in miniature, with the same rules told another way: everything is looked up again after each step, where
 * the journal keeps books. Names are few, so that they meet.
 */
class Model {
  exchanges = new Map<string, boolean>();
  queues = new Map<string, boolean>();
  bindings: { source: string; queue: string; key: string }[] = [];
  consumers: { channel: number; tag: string; queue: string }[] = [];

  bind(source: string, queue: string, key: string): void {
    this.unbind((each) => each.source === source && each.queue === queue && each.key === key, false);
    this.bindings.push({ source, queue, key });
  }

  unbind(isGone: (binding: Model['bindings'][number]) => boolean, tidy = true): void {
    const sources = new Set(this.bindings.filter(isGone).map(({ source }) => source));
    this.bindings = this.bindings.filter((each) => !isGone(each));
    for (const source of tidy ? sources : [])
      if (this.exchanges.get(source) && !this.bindings.some((each) => each.source === source))
        this.exchanges.delete(source);
  }

  deleteQueue(queue: string): void {
    this.queues.delete(queue);
    this.consumers = this.consumers.filter((each) => each.queue !== queue);
    this.unbind((each) => each.queue === queue);
  }

  cancel(isGone: (consumer: Model['consumers'][number]) => boolean): void {
    const queues = new Set(this.consumers.filter(isGone).map(({ queue }) => queue));
    this.consumers = this.consumers.filter((each) => !isGone(each));
    for (const queue of queues)
      if (this.queues.get(queue) && !this.consumers.some((each) => each.queue === queue))
        this.deleteQueue(queue);
  }
}

type Step = (talks: Talk[], model: Model) => void;
const name = fc.constantFrom('a', 'b', 'c');
const number = fc.constantFrom(0, 1);
const order = <M extends MethodName>(at: number, talks: Talk[], method: M, args: Input<M>) =>
  (talks[at] as Talk).ask(method, args);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(number, name, fc.boolean()).map<Step>(([at, exchange, autoDelete]) => (talks, model) => {
    order(at, talks, 'exchange.declare', { exchange, autoDelete });
    model.exchanges.set(exchange, autoDelete);
  }),
  fc.tuple(number, name, fc.boolean()).map<Step>(([at, queue, autoDelete]) => (talks, model) => {
    order(at, talks, 'queue.declare', { queue, autoDelete });
    model.queues.set(queue, autoDelete);
  }),
  fc.tuple(number, name, name, name).map<Step>(([at, queue, exchange, routingKey]) => (talks, model) => {
    order(at, talks, 'queue.bind', { queue, exchange, routingKey });
    if (
      !model.bindings.some(
        (each) => each.source === exchange && each.queue === queue && each.key === routingKey,
      )
    )
      model.bind(exchange, queue, routingKey);
  }),
  fc.tuple(number, name, name, name).map<Step>(([at, queue, exchange, routingKey]) => (talks, model) => {
    order(at, talks, 'queue.unbind', { queue, exchange, routingKey });
    model.unbind((each) => each.source === exchange && each.queue === queue && each.key === routingKey);
  }),
  fc.tuple(number, name).map<Step>(([at, queue]) => (talks, model) => {
    order(at, talks, 'queue.delete', { queue });
    model.deleteQueue(queue);
  }),
  fc.tuple(number, name).map<Step>(([at, exchange]) => (talks, model) => {
    order(at, talks, 'exchange.delete', { exchange });
    model.exchanges.delete(exchange);
    model.unbind((each) => each.source === exchange);
  }),
  fc.tuple(number, name, name).map<Step>(([at, queue, consumerTag]) => (talks, model) => {
    if (model.consumers.some((each) => each.channel === at && each.tag === consumerTag)) return; // the broker would not
    order(at, talks, 'basic.consume', { queue, consumerTag });
    model.consumers.push({ channel: at, tag: consumerTag, queue });
  }),
  fc.tuple(number, name).map<Step>(([at, consumerTag]) => (talks, model) => {
    order(at, talks, 'basic.cancel', { consumerTag });
    model.cancel((each) => each.channel === at && each.tag === consumerTag);
  }),
  number.map<Step>((at) => (talks, model) => {
    order(at, talks, 'channel.close', {});
    model.cancel((each) => each.channel === at);
    talks[at] = new Talk((talks[at] as Talk).journal, at + 1);
  }),
);

test('whatever is done, the journal knows what is there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const journal = new Journal();
      const talks = [new Talk(journal, 1), new Talk(journal, 2)];
      const model = new Model();
      for (const each of steps) each(talks, model);
      const found = contents(journal) as Record<'exchanges' | 'queues' | 'bindings', string[]>;
      expect(found.exchanges.sort()).toEqual([...model.exchanges.keys()].sort());
      expect(found.queues.sort()).toEqual([...model.queues.keys()].sort());
      const bindings = model.bindings.map(({ source, queue, key }) => `${source} -> ${queue} (${key})`);
      expect(found.bindings.sort()).toEqual(bindings.sort());
      const consumers = [1, 2].flatMap((id) =>
        [...(journal.channels.get(id)?.consumers.keys() ?? [])].map((tag) => `${id} ${tag}`),
      );
      expect(consumers.sort()).toEqual(
        model.consumers.map(({ channel, tag }) => `${channel + 1} ${tag}`).sort(),
      );
    }),
    { numRuns: 500 },
  );
});
