import { shared } from '../support/connect';
import { outcome, startExample } from '../support/programs/example';

/** Its queues have these names, so nothing else in the suite may use them. */
const QUEUES = ['orders', 'orders.parked', 'orders.retry.100', 'orders.retry.500'];
beforeAll(tidy);
afterAll(tidy);

function tidy(): void {
  using channel = shared().channel();
  for (const queue of QUEUES) channel.queueDelete(queue);
}

test('what fails is tried again, and parked with the reason and where it has waited', async () => {
  const printed = outcome(await startExample('retry').end);
  const failure = 'RangeError: nobody can ship -7';
  expect(printed).toEqual([
    ...[0, 'shipped 30', `attempt 1: ${failure}`, `attempt 2: ${failure}`, `attempt 3: ${failure}`],
    `parked: {"amount":-7}, ${failure}`,
    '  it waited in orders.retry.500, until it expired',
  ]);
  const waiting = QUEUES.map((queue) => shared().queue(queue).status().messageCount);
  expect(waiting).toEqual([0, 0, 0, 0]);
});
