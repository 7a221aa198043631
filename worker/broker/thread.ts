import type { BrokerCall, BrokerReply } from '../../src/broker/control';
import {
  listBindings,
  listConsumers,
  listExchanges,
  listMessages,
  listQueues,
  metricsOf,
} from '../../src/broker/listings';
import { Tasks } from '../tasks';
import { Server } from './server';

/** The thread of the embedded broker: wiring only. Sockets come and go by themselves, main calls from time to time. */
const tasks = new Tasks(reply);
let server: Server | undefined;

async function reply(call: BrokerCall): Promise<BrokerReply> {
  try {
    return { ok: await answer(call) };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { err: { message, code } };
  }
}

function answer(call: BrokerCall): unknown {
  if (call.call === 'start') {
    server = new Server(call.options);
    return server.listen();
  }
  return order(server!, call);
}

function order(server: Server, call: Exclude<BrokerCall, { call: 'start' }>): unknown {
  const { engine } = server;
  switch (call.call) {
    case 'close':
      server.close();
      setImmediate(() => tasks.finish()); // later than the reply
      return undefined;
    case 'connections':
      return server.connections();
    case 'queues':
      return listQueues(engine);
    case 'exchanges':
      return listExchanges(engine);
    case 'bindings':
      return listBindings(engine);
    case 'consumers':
      return listConsumers(engine);
    case 'messages':
      return listMessages(engine, call.vhost, call.queue);
    case 'metrics':
      return metricsOf(engine, call.vhost);
    case 'kill':
      return each(server, call.connection, (session) => session.kill());
    case 'stall':
      return each(server, call.connection, (session) => session.stall(true));
    case 'resume':
      return each(server, call.connection, (session) => session.stall(false));
    case 'close-connections':
      return server.closeConnections(call.connection, call.reason);
    case 'block':
      return engine.block(call.reason);
    case 'advance':
      return server.advance(call.ms);
  }
}

/** How many there were. */
function each(
  server: Server,
  which: number | string | undefined,
  act: (session: ReturnType<Server['sessions']>[number]) => void,
): number {
  const sessions = server.sessions(which);
  for (const session of sessions) act(session);
  return sessions.length;
}
