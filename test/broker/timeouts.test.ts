import { describeRabbitmq } from '../support/brokers/on-rabbitmq';
import { embedded, version } from './support/pair';
import { RETRY_PLAYS } from './support/retry-plays';
import { type Play, playedOnBoth } from './support/scene';
import { PLAYS_SINCE_4, TIMEOUT_PLAYS } from './support/timeout-plays';

let ours = '';
beforeAll(() => {
  ours = embedded({ version }).url;
});

async function isSame(_what: string, play: Play): Promise<void> {
  const [here, there] = await playedOnBoth(ours, play);
  expect(here).toEqual(there);
}

describeRabbitmq('what is held for too long becomes the same in both brokers', () => {
  test.each(Object.entries({ ...TIMEOUT_PLAYS, ...(version === '4.3' ? PLAYS_SINCE_4 : {}) }))('%s', isSame);
});

describeRabbitmq('what has come back comes again at the same time from both brokers', () => {
  test.each(Object.entries(RETRY_PLAYS))('%s', isSame);
});
