/** What ends the whole connection, and what is left of it then. */
import {
  type AmqpError,
  type Channel,
  CommandInvalidError,
  ConnectionClosedError,
  connect,
  type EmbeddedBroker,
  InternalError,
  NotImplementedError,
  PreconditionFailedError,
  startBroker,
  WrongStateError,
} from '../../src';
import { versionOf } from '../support/brokers/version';
import { CEILING, open, shared, thrownBy, unique } from '../support/connect';

describe('a feature that RabbitMQ 4.3 has given up ends the connection, and the error says what to do', () => {
  let broker: EmbeddedBroker;
  beforeAll(() => {
    broker = startBroker({ version: '4.3' });
  });
  afterAll(() => broker.close());

  it.each<[what: string, use: (victim: Channel) => void, instead: string]>([
    [
      'a queue neither durable nor exclusive',
      (victim) => victim.queueDeclare('transient'),
      'declare the queue durable or exclusive',
    ],
    [
      'x-queue-master-locator',
      (victim) =>
        victim.queueDeclare('q', { durable: true, arguments: { 'x-queue-master-locator': 'random' } }),
      'leave x-queue-master-locator out',
    ],
  ])('%s', (_what, use, instead) => {
    using connection = connect(broker.url, { callTimeout: CEILING, connectTimeout: CEILING });
    const error = thrownBy(() => use(connection.channel())) as AmqpError;
    expect(error).toBeInstanceOf(InternalError);
    expect(error).toMatchObject({ replyCode: 541, method: 'queue.declare' });
    expect(error.message).toContain(`(${instead}`);
  });
});

describe('a hard error closes the connection', () => {
  type How = [
    act: (victim: Channel) => void,
    errorClass: unknown,
    code: string,
    replyCode: number,
    method: string,
  ];
  it.each<[what: string, ...How]>([
    [
      'prefetchSize',
      (victim) => victim.basicQos({ prefetchSize: 1 }),
      NotImplementedError,
      'NOT_IMPLEMENTED',
      540,
      'basic.qos',
    ],
    [
      'flow(false)',
      (victim) => victim.flow(false),
      NotImplementedError,
      'NOT_IMPLEMENTED',
      540,
      'channel.flow',
    ],
    [
      'recover without requeue',
      (victim) => victim.basicRecover({ requeue: false }),
      NotImplementedError,
      'NOT_IMPLEMENTED',
      540,
      'basic.recover',
    ],
    [
      'immediate, told by the next call',
      (victim) => {
        victim.basicPublish('x', { immediate: true });
        victim.basicGet('');
      },
      NotImplementedError,
      'NOT_IMPLEMENTED',
      540,
      'basic.publish',
    ],
  ])('%s', (_what, ...how) => endsTheConnection(...how));

  it('an unknown exchange type on 3.10; on 4.3 it is the channel alone that ends', () => {
    const squared = (victim: Channel) => victim.exchangeDeclare(unique(), 'squared');
    if (versionOf(shared()) === '3.10')
      return endsTheConnection(squared, CommandInvalidError, 'COMMAND_INVALID', 503, 'exchange.declare');
    const connection = open();
    const [victim, bystander] = [connection.channel(), connection.channel()];
    const error = thrownBy(() => squared(victim));
    expect(error).toBeInstanceOf(PreconditionFailedError);
    expect(error).toMatchObject({ replyCode: 406, method: 'exchange.declare', origin: 'broker' });
    expect([connection.isOpen, victim.isOpen, bystander.isOpen]).toEqual([true, false, true]);
  });

  function endsTheConnection(...[act, errorClass, code, replyCode, method]: How): void {
    shared();
    const doomed = open();
    const [victim, bystander] = [doomed.channel(), doomed.channel()];
    const closed: AmqpError[] = [];
    doomed.onClose = (reason) => closed.push(reason);

    const error = thrownBy<AmqpError>(() => act(victim));
    expect(error).toBeInstanceOf(errorClass);
    expect(error).toBeInstanceOf(ConnectionClosedError);
    expect(error).toMatchObject({ code, replyCode, method, origin: 'broker', recoverable: false });
    expect(error.message).toContain(`the broker closed the connection after ${method}: ${replyCode} ${code}`);

    expect([doomed.isOpen, victim.isOpen, bystander.isOpen]).toEqual([false, false, false]);
    // a call that had not begun yet throws a copy that says so
    const reason = doomed.lastError!;
    expect([error, error.cause]).toContain(reason);
    expect(bystander.lastError).toBe(reason);
    for (const call of [() => bystander.basicGet('x'), () => doomed.channel(), () => doomed.flush()]) {
      const later = thrownBy<WrongStateError>(call);
      expect(later).toBeInstanceOf(WrongStateError);
      expect(later).toMatchObject({ code: 'CONNECTION_CLOSED' });
      expect(later.cause).toBe(reason);
    }
    expect(closed).toEqual([reason]);
    expect(shared().isAlive).toBe(true); // another connection of the process
  }

  it('closing what is closed already is nothing, and hides no error', () => {
    const doomed = open();
    const victim = doomed.channel();
    const error = thrownBy(() => victim.basicQos({ prefetchSize: 1 }));
    victim.close();
    doomed.close();
    doomed.abort();
    expect(doomed.lastError).toBe(error);
  });

  it('reopening a channel of a closed connection throws WrongStateError with the cause', () => {
    const doomed = open();
    const victim = doomed.channel();
    doomed.close();
    const error = thrownBy<WrongStateError>(() => victim.reopen());
    expect(error).toBeInstanceOf(WrongStateError);
    expect(error.cause).toBe(doomed.lastError);
    expect(doomed.channels.size).toBe(0);
  });
});
