import type { FoundBroker } from './brokers/find-broker';

declare global {
  /** Set up and torn down in one process, but in two module registries: only the global object is shared. */
  var brokersOfThisRun: FoundBroker[] | undefined;
}

export default async function teardown(): Promise<void> {
  for (const broker of globalThis.brokersOfThisRun ?? []) await broker.stop();
}
