import { expect, test } from 'vitest';
import { describeRule } from './describeRule';

const cron = (expression: string) => describeRule({ everySeconds: null, cron: expression, zone: 'Europe/Oslo' });

test('An interval is put in words', () => {
  expect(describeRule({ everySeconds: 300, cron: null, zone: 'UTC' })).toBe('Every 5 minutes');
  expect(describeRule({ everySeconds: 3600, cron: null, zone: 'UTC' })).toBe('Every hour');
  expect(describeRule({ everySeconds: 90, cron: null, zone: 'UTC' })).toBe('Every 90 seconds');
});

test.each([
  ['* * * * *', 'Every minute'],
  ['*/15 * * * *', 'Every 15 minutes'],
  ['0 * * * *', 'Every hour on the hour'],
  ['5 */6 * * *', 'Every 6 hours at 5 minutes past'],
  ['30 3 * * *', 'Every day at 03:30'],
  ['0 30 3 * * *', 'Every day at 03:30'],
  ['0 9 * * 1-5', 'Monday to Friday at 09:00'],
  ['0 9 * * MON,4', 'Every Monday, Thursday at 09:00'],
  ['0 0 1 * *', 'On day 1 of every month at 00:00'],
  ['0 0 31 * *', 'On day 31 of every month that has it at 00:00'],
  ['0 12 24 12 *', 'Every year on 24 December at 12:00'],
])('%s is put in words', (expression, words) => {
  expect(cron(expression)).toBe(`${words}, Europe/Oslo`);
});

test.each([
  '*/7 * * * *',
  '15 30 3 * * *',
  '0 9 1 * 1',
  '0 25 * * *',
  '0 0 L * *',
  '0 9 * * 1#2',
  'nonsense',
  '* 3 * * *',
])('%s stays as it is: words would not be the truth', (expression) => {
  expect(cron(expression)).toBe(`Cron ${expression}, Europe/Oslo`);
});
