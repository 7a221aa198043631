import type { ChannelPart } from './channel-part';

/** The queue that `''` stands for: RabbitMQ's rule is that of the channel, and it answers 404 when there is none. */
export class QueueNames implements ChannelPart {
  /** The queue declared last. */
  last = '';

  opening(): void {
    this.last = '';
  }

  named(queue: string): string {
    return queue === '' ? this.last : queue;
  }

  /** With neither queue nor routing key both are the queue declared last. @see AMQP 0-9-1 §1.7.2.3 */
  binding(
    queue: string,
    { routingKey = '' }: { routingKey?: string | undefined },
  ): { queue: string; routingKey: string } {
    const named = this.named(queue);
    return { queue: named, routingKey: queue === '' && routingKey === '' ? named : routingKey };
  }
}
