/** Where the embedded broker with `version: '4.3'` differs from RabbitMQ 4.3.6 (Debian's) as yet, by scripts: first what it says. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  'other exclusive': 'closed: true | false',
  'an unknown type': 'closed: true | false',
  'a delivery mode that is none':
    'received.0: {"args":{"classId":60,"methodId":40,"replyCode":406,"replyText":"PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,3}"},"channel":1,"name":"channel.close"} | nothing',
  'the argument {"x-queue-mode":"odd"}': 'received.0.args.classId: 50 | nothing',
  'the argument {"x-queue-mode":"lazy"}': 'received.0.args.classId: 50 | nothing',
  'dead letters: rejected': 'received.3.args.redelivered: false | true',
  'dead letters: back and forth': 'received.3.args.redelivered: false | true',
  'dead letters: too many': 'received.2.properties.headers.x-last-death-exchange: nothing | ""',
  'a reply that is too long, in another alphabet': 'closed: false | true',
  'a quorum queue that is {"durable":false}': 'closed: true | false',
  'a quorum queue declared again, as a classic one': `received.1.args.replyText: "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received none but current is the value 'quorum' of type 'longstr'" | "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'classic' but current is 'quorum'"`,
  'a classic queue declared again, as a quorum queue': `received.1.args.replyText: "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none" | "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'"`,
  'without a limit what is given back goes to the end':
    'received.1.properties.headers: {"x-delivery-count":0} | nothing',
  'with a limit it comes first, and dies after that many times':
    'received.2.properties.headers: {"x-delivery-count":0} | nothing',
  'a limit below nothing': 'received.1.properties.headers: {"x-delivery-count":0} | nothing',
  'what a closed channel had comes first': 'received.1.properties.headers: {"x-delivery-count":0} | nothing',
  'deliveries are counted': 'received.3.properties.headers.x-acquired-count: nothing | 1',
  'a full quorum queue takes one more': 'received.6.properties.headers: {"x-delivery-count":0} | nothing',
  'a full quorum queue takes none until a fifth is gone':
    'received.14.properties.headers: {"x-delivery-count":0} | nothing',
  'what two consumers give back goes by their tags, with {}':
    'received.10.properties.headers.x-acquired-count: nothing | 1',
  'what two consumers give back goes by their tags, with {"x-delivery-limit":5}':
    'received.10.properties.headers.x-acquired-count: nothing | 1',
  'a prefetch for the whole channel that comes later does not hold for quorum queues': 'closed: true | false',
  'a delivery limit that is no number': 'received.1.properties.headers: {"x-delivery-count":0} | nothing',
  'a full quorum queue loses its oldest': 'received.2.properties.headers: {"x-delivery-count":0} | nothing',
  'get from a quorum queue with a single active consumer': `received.1.args.replyText: "RESOURCE_LOCKED - cannot obtain access to locked queue 'q' in vhost '/'. basic.get operations are not supported by quorum queues with single active consumer" | "RESOURCE_LOCKED - cannot obtain access to locked queue 'q' in vhost '/'. basic.get operations are not supported by <<\\"quorum\\">> queues with single active consumer"`,
  'a prefetch for the whole channel is not for quorum queues': 'closed: true | false',
};
