/** Computes Fibonacci numbers for those who ask in the queue `rpc_queue`, until Ctrl-C. Start several. */
import { connect } from '../../../src';

/** The slowest way there is, so that there is something to wait for. */
function fib(n: number): number {
  return n > 1 ? fib(n - 1) + fib(n - 2) : n;
}

const channel = connect().channel();
const requests = channel.declareQueue('rpc_queue');
channel.setQos({ prefetchCount: 1 });

console.log(' [x] Awaiting RPC requests');
for (const request of requests) {
  const { replyTo, correlationId } = request.properties;
  console.log(` [.] fib(${request.text})`);
  const answer = String(fib(Number(request.text)));
  channel.defaultExchange.publish(answer, replyTo, { correlationId, mandatory: false }); // the client may have left
  request.ack();
}
