import {
  ADVICE,
  type FoundBroker,
  findRabbitmq,
  needRabbitmq,
  say,
  startEmbedded,
} from './brokers/find-broker';
import { build } from './built';

/**
 * The brokers of this run: AMQP_URL, which almost all tests use, and AMQP_SYNC_RABBITMQ_URL for those of what only
 * RabbitMQ has. The first is the embedded broker unless AMQP_URL names another one. AMQP_SYNC_BROKER=rabbitmq takes
 * RabbitMQ for all of them, =embedded looks for no RabbitMQ, =none starts nothing at all, for a quick run of unit tests.
 */
export default async function setup(): Promise<void> {
  delete process.env.AMQP_SYNC_BUILT; // of another state of the sources
  build();
  const { AMQP_URL, AMQP_SYNC_BROKER = AMQP_URL ? 'rabbitmq' : 'both' } = process.env;
  const brokers: FoundBroker[] = [];
  globalThis.brokersOfThisRun = brokers;
  switch (AMQP_SYNC_BROKER) {
    case 'rabbitmq': {
      const rabbitmq = await needRabbitmq();
      brokers.push(rabbitmq);
      return announce(rabbitmq, rabbitmq);
    }
    case 'embedded':
      brokers.push(await startEmbedded());
      return announce(brokers[0]);
    case 'both': {
      const rabbitmq = await findRabbitmq();
      const embedded = await startEmbedded();
      brokers.push(embedded);
      if (rabbitmq === undefined) say(`there is no RabbitMQ, and what needs it is skipped: ${ADVICE}`);
      else brokers.push(rabbitmq);
      return announce(embedded, rabbitmq);
    }
    case 'none':
      return;
    default:
      throw new Error(`AMQP_SYNC_BROKER is "rabbitmq", "embedded" or "none", not "${AMQP_SYNC_BROKER}"`);
  }
}

function announce(usual: FoundBroker | undefined, rabbitmq?: FoundBroker): void {
  say(
    `the tests use ${usual?.how}${rabbitmq && rabbitmq !== usual ? `, and ${rabbitmq.how} where need be` : ''}`,
  );
  process.env.AMQP_URL = usual?.url;
  if (rabbitmq !== undefined) process.env.AMQP_SYNC_RABBITMQ_URL = rabbitmq.url;
}
