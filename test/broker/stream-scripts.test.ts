import { describeRabbitmq } from '../support/brokers/on-rabbitmq';
import { sideBySide } from './support/side-by-side';
import { STREAM_SCRIPTS } from './support/stream-scripts';

describeRabbitmq('streams of the embedded broker are as those of RabbitMQ', () => {
  test.each(Object.entries(STREAM_SCRIPTS))('%s', async (_what, script) => {
    const [here, there] = await sideBySide(script);
    expect(here).toEqual(there);
  });
});
