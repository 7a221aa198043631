import { findBroker } from './find-broker';

/** One broker for the whole run, in AMQP_URL. AMQP_SYNC_NO_BROKER=1 does without, for a quick run of unit tests. */
export default async function setup(): Promise<void> {
  if (process.env.AMQP_SYNC_NO_BROKER) return;
  const broker = await findBroker();
  process.env.AMQP_URL = broker.url;
  process.env.AMQP_HOW = broker.how;
  globalThis.brokerOfThisRun = broker;
}
