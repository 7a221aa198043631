import { PLANS } from './codec';
import type { MethodName } from './method-types';

/** A request or a reply, as far as it matters which belongs to which. */
export interface Said {
  readonly name: MethodName;
  readonly args: object;
}

/**
 * The request that a reply answers, among those whose replies are owed, the oldest first.
 *
 * Replies have no number. Those of one kind come in the order of their requests, but different kinds may overtake
 * each other: RabbitMQ's consume-ok and cancel-ok come from the queue, the others from the channel. The queues of two
 * consumers may overtake each other, too. So a reply that names a consumer belongs to the request that named it, or,
 * the broker having chosen the tag, to the oldest that named none; any other reply to the oldest that it can answer.
 *
 * @returns its index, or -1 if nobody asked
 */
export function requestOf<R>(owed: readonly R[], reply: Said, asked: (request: R) => Said): number {
  const consumer = consumerOf(reply);
  const answers = (request: Said) => PLANS[request.name].replies.includes(reply.name);
  const oldest = (names: (consumer: string) => boolean) =>
    owed.findIndex((each) => names(consumerOf(asked(each))) && answers(asked(each)));
  if (consumer === '') return oldest(() => true);
  const named = oldest((other) => other === consumer);
  return named >= 0 ? named : oldest((other) => other === '');
}

/** The tag of the consumer that it names, or empty. */
function consumerOf({ args }: Said): string {
  return (args as { consumerTag?: string | undefined }).consumerTag ?? '';
}
