import { expect, test } from 'vitest';
import { backOff } from './backOff';

test('The wait doubles up to 15 seconds', () => {
  const waits = [0, 1, 2, 3, 4, 100].map((failures) => backOff(failures, 2000, () => 0));
  expect(waits).toEqual([2000, 4000, 8000, 15_000, 15_000, 15_000]);
});

test('Chance takes off up to half', () => {
  expect(backOff(0, 2000, () => 1)).toBe(1000);
});
