/** Parts of the tests, as patterns of jest's. */

/**
 * What is said to a broker: it holds for each. Scripted peers and what else needs no broker answer the same whatever
 * runs beside them.
 */
const said = [
  'test/(api|client|patterns|compat|docs|opentelemetry)/(?!.*scripted)',
  'test/bin/(verbs|printing|where|save-load|apply)',
];

module.exports = {
  /** What needs none: the codec, the threads, topology, the engine of the embedded broker, and the worker. */
  unit: ['test/(protocol|bridge|topology|worker)/', 'test/broker/(?!start|slow-readers)'],
  embedded: said,
  /** RabbitMQ is asked besides what it makes of outages, of other programs, and of what the embedded broker answers. */
  rabbitmq: [...said, 'test/(recovery|bin|examples|broker)/'],
};
