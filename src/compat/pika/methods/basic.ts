import { method } from '../amqp-object';

const DELIVERY = 'consumer_tag=None, delivery_tag=None, redelivered=False, exchange=None, routing_key=None';

/** A message for a consumer. */
export class Deliver extends method('Basic.Deliver', 0x003c_003c, DELIVERY) {}
/** A message that was asked for. */
export class GetOk extends method(
  'Basic.GetOk',
  0x003c_0047,
  'delivery_tag=None, redelivered=False, exchange=None, routing_key=None, message_count=None',
) {}
/** A message that comes back. */
export class Return extends method(
  'Basic.Return',
  0x003c_0032,
  "reply_code=None, reply_text='', exchange=None, routing_key=None",
) {}
/** The broker ends a consumer. */
export class Cancel extends method('Basic.Cancel', 0x003c_001e, 'consumer_tag=None, nowait=False') {}
