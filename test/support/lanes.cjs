/**
 * The tests of what is said to a broker, as patterns of jest's: they hold for each broker. Scripted peers and what else
 * needs no broker answer the same whatever runs beside them.
 */
const said = ['test/(client|objects|patterns|compat)/(?!.*scripted)', 'test/bin/verbs'];

module.exports = {
  embedded: said,
  /** RabbitMQ is asked besides what it makes of outages, of other programs, and of what the embedded broker answers. */
  rabbitmq: [...said, 'test/(recovery|bin|examples|broker)/'],
};
