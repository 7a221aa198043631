import { describeRabbitmq } from '../support/brokers/on-rabbitmq';
import { sideBySide } from './support/side-by-side';
import { STREAM_ARGUMENT_SCRIPTS } from './support/stream-argument-scripts';
import { STREAM_MESSAGE_SCRIPTS } from './support/stream-message-scripts';
import { STREAM_SCRIPTS } from './support/stream-scripts';

const ALL = { ...STREAM_SCRIPTS, ...STREAM_ARGUMENT_SCRIPTS, ...STREAM_MESSAGE_SCRIPTS };

describeRabbitmq('streams of the embedded broker are as those of RabbitMQ', () => {
  test.each(Object.entries(ALL))('%s', async (_what, script) => {
    const [here, there] = await sideBySide(script);
    expect(here).toEqual(there);
  });
});
