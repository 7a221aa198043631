import { shared } from '../support/connect';
import { outcome, startExample } from '../support/programs/example';

/** Its queues have these names, so nothing else in the suite may use them. */
const QUEUES = ['parcels', 'orders-to-ship'];
beforeAll(tidy);
afterAll(tidy);

function tidy(): void {
  using channel = shared().channel();
  for (const queue of QUEUES) channel.queueDelete(queue);
}

test('a collector gets one trace, from the order to the parcel', async () => {
  expect(outcome(await startExample('opentelemetry/collector').end)).toEqual([
    0,
    'a parcel for Ann',
    '/v1/traces: send orders-to-ship, send parcels, ack orders-to-ship, process orders-to-ship, receive parcels, ack parcels, process parcels',
    'traces: 1',
  ]);
});
