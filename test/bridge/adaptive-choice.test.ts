import { AdaptiveChoice } from '../../src/bridge/adaptive-choice';

/** Of `times` occasions, how many are taken, none of which pays? */
function taken(habit: AdaptiveChoice, times: number): number {
  let count = 0;
  for (let each = 0; each < times; each++) {
    if (!habit.isWorthIt) continue;
    count++;
    habit.learn(false);
  }
  return count;
}

test('what pays is done every time', () => {
  const habit = new AdaptiveChoice();
  for (let each = 0; each < 1000; each++) {
    expect(habit.isWorthIt).toBe(true);
    habit.learn(true);
  }
});

test('what does not pay is given up soon, and tried again now and then', () => {
  const habit = new AdaptiveChoice();
  expect(taken(habit, 100)).toBe(8);
  const rarely = taken(habit, 10_000);
  expect(rarely).toBeGreaterThan(50);
  expect(rarely).toBeLessThan(300);
});

test('one success brings it back', () => {
  const habit = new AdaptiveChoice();
  taken(habit, 500);
  while (!habit.isWorthIt);
  habit.learn(true);
  for (let each = 0; each < 8; each++) {
    expect(habit.isWorthIt).toBe(true);
    habit.learn(false);
  }
  expect(habit.isWorthIt).toBe(false);
});
