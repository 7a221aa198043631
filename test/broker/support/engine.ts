/** The engine by itself: no sockets, no threads, and a clock that is a variable. */
import type { BrokerConnection } from '../../../src/broker/connection';
import { Engine } from '../../../src/broker/engine';
import type { RabbitmqVersion } from '../../../src/broker/rules';
import { type MethodPlan, PLANS } from '../../../src/protocol/codec';
import type { Input, MethodName } from '../../../src/protocol/method-types';

/** Of a message without properties. */
export const HEADER = Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

export function open(engine: Engine): BrokerConnection {
  const connection = engine.connect();
  connection.open({
    username: 'guest',
    vhost: engine.openVhost('/', 'guest'),
    channelMax: 0,
    frameMax: 0,
    clientName: '',
    capabilities: { consumerCancelNotify: true, blocked: true, authenticationFailureClose: true },
  });
  return connection;
}

export function started(version: RabbitmqVersion = '3.10'): { engine: Engine; clock: { now: number } } {
  const clock = { now: 1000 };
  const engine = new Engine({
    now: () => clock.now,
    users: { guest: { password: 'guest' } },
    vhosts: ['/'],
    version,
    permit: [],
    memoryLimit: 1e9,
    onOutput: () => {},
    onAlarm: () => {},
  });
  return { engine, clock };
}

/** Every field of a method, absent ones as on the wire. */
export function call<M extends MethodName>(
  connection: BrokerConnection,
  name: M,
  args: Input<M> = {},
  channel = 1,
): Buffer {
  const plan: MethodPlan = PLANS[name];
  const all: Record<string, unknown> = {};
  for (const step of plan.steps) {
    for (const bit of step.bits) all[bit] = false;
    if (step.op !== 'bits') all[step.name] = step.op === 'table' ? {} : step.op === 'shortstr' ? '' : 0;
  }
  connection.receive(channel, plan, { ...all, ...args });
  return Buffer.concat(connection.output.take());
}

/** Publish to a queue, by its name. */
export function publish(connection: BrokerConnection, routingKey: string, body = 'body'): void {
  const args = { exchange: '', routingKey, mandatory: false, immediate: false };
  connection.publish(1, args, HEADER, Buffer.from(body), {});
}

/** Messages of a queue that are ready, and that clients have. */
export function counts(engine: Engine, name: string): [ready: number, unacked: number] {
  const { messageCount, unacked } = engine.vhosts.get('/')!.queues.get(name)!;
  return [messageCount, unacked];
}
