import type { Command } from '../../contract/session-options';
import { TimeoutError } from '../../errors';
import { PLANS } from '../../protocol/codec';
import { HEARTBEAT_FRAME } from '../../protocol/constants';
import { OPERATION } from '../diagnostics';
import { type CallOptions, checkTimeout } from '../options/checks';
import type { ConnectionSession } from './connection-session';

/** Wait until the socket has taken everything that was written. */
export function flush(session: ConnectionSession, options: CallOptions): void {
  called(session, 'flush', options, (deadline) => {
    const { pump, link } = session;
    if (pump.room(link.outbound.capacity, deadline, { what: 'what was written', channel: 0 })) return;
    throw new TimeoutError(`${link.unsent} bytes could not be sent in time: the broker does not read`, {
      outcome: 'unknown',
    });
  });
}

/** Replace the secret by connection.update-secret, and wait for the answer. */
export function updateSecret(
  session: ConnectionSession,
  secret: string,
  reason: string,
  options: CallOptions,
): void {
  const method = 'connection.update-secret';
  called(session, method, options, (deadline) => {
    const { pump, link, replies } = session;
    const args = { newSecret: secret, reason };
    const written = pump.ask(0, method, args, deadline);
    const pending = replies.expect(PLANS[method], args, {
      accept: () => void link.post({ command: 'secret', secret } satisfies Command),
    });
    const answered = written && pump.until(pending, deadline);
    if (pending.error !== undefined) throw session.report(pending.error);
    if (answered) return;
    pending.abandoned = true;
    throw new TimeoutError(`${method} got no reply in time`, { method, outcome: 'unknown' });
  });
}

function called(
  session: ConnectionSession,
  method: string,
  { timeout }: CallOptions,
  call: (deadline: number) => void,
): void {
  session.checkAlive(method);
  const deadline = session.events.deadline(timeout === undefined ? undefined : checkTimeout(timeout));
  OPERATION.call.trace({ ...session.facts, method }, () => call(deadline));
}

/** Send one heartbeat, beside those that go by themselves. Blocks only while the way out is full. */
export function sendHeartbeat(session: ConnectionSession): void {
  session.checkAlive('a heartbeat');
  const { pump, link, events } = session;
  const write = () => pump.writer.bytes(HEARTBEAT_FRAME);
  pump.claim(HEARTBEAT_FRAME.length, write, events.deadline(undefined), { what: 'a heartbeat', channel: 0 });
  link.send();
}
