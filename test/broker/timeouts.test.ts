import { describeRabbitmq } from '../support/brokers/on-rabbitmq';
import { embedded, sameRules, version } from './support/pair';
import { RETRY_PLAYS } from './support/retry-plays';
import { begin } from './support/scene';
import { PLAYS_SINCE_4, TIMEOUT_PLAYS } from './support/timeout-plays';

const timeouts = version === '4.3' ? { ...TIMEOUT_PLAYS, ...PLAYS_SINCE_4 } : TIMEOUT_PLAYS;

let told: ReturnType<typeof begin>;
beforeAll(() => {
  told = begin(embedded(sameRules).url, { ...timeouts, ...RETRY_PLAYS });
});

async function isSame(what: string): Promise<void> {
  const [here, there] = await told.get(what)!;
  expect(here).toEqual(there);
}

describeRabbitmq('what is held for too long becomes the same in both brokers', () => {
  test.each(Object.keys(timeouts))('%s', isSame);
});

describeRabbitmq('what has come back comes again at the same time from both brokers', () => {
  test.each(Object.keys(RETRY_PLAYS))('%s', isSame);
});
