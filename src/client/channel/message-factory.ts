import type { Properties } from '../../protocol/properties';
import type { Publish, Returned } from './confirms';
import type { Consumer, Delivery } from './delivery';

/** Makes what users get: the public channel hands it in, and nothing below knows the classes. */
export interface MessageFactory {
  incoming(
    consumer: Consumer | undefined,
    deliveryTag: number,
    redelivered: boolean,
    exchange: string,
    routingKey: string,
    messageCount: number | undefined,
    noAck: boolean,
    body: Buffer,
    properties: Properties,
  ): Delivery;
  returned(
    replyCode: number,
    replyText: string,
    exchange: string,
    routingKey: string,
    body: Buffer,
    properties: Properties,
  ): Returned;
  /** Why a publish was not acked; `what` names it. */
  publishError(publish: Publish, what: string): Error;
}
