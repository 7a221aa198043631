import { describeRabbitmq } from '../support/brokers/on-rabbitmq';
import { embedded, version } from './support/pair';
import { playedOnBoth } from './support/scene';
import { TIMEOUT_PLAYS } from './support/timeout-plays';

let ours = '';
beforeAll(() => {
  ours = embedded({ version }).url;
});

describeRabbitmq('what is held for too long becomes the same in both brokers', () => {
  test.each(Object.entries(TIMEOUT_PLAYS))('%s', async (_what, play) => {
    const [here, there] = await playedOnBoth(ours, play);
    expect(here).toEqual(there);
  });
});
