import { describeRabbitmq } from '../support/brokers/on-rabbitmq';
import { embedded, sameRules } from './support/pair';
import { QUORUM_SCRIPTS } from './support/quorum-scripts';
import { SCRIPTS } from './support/scripts';
import { Run, sideBySide } from './support/side-by-side';
import { VERSION_SCRIPTS } from './support/version-scripts';

describeRabbitmq('the embedded broker answers as RabbitMQ does', () => {
  test.each(Object.entries({ ...SCRIPTS, ...QUORUM_SCRIPTS, ...VERSION_SCRIPTS }))(
    '%s',
    async (_what, script) => {
      const [here, there] = await sideBySide(script);
      expect(here).toEqual(there);
    },
  );
});

test('there is something to compare', async () => {
  const run = await Run.begin(embedded(sameRules).url, 'x', 0);
  await run.do(['basic.get', { queue: 'none' }]);
  expect(run.told).toMatchObject({ received: [{ name: 'channel.close', args: { replyCode: 404 } }] });
  run.client.end();
});
