import { expect, test } from 'vitest';
import { formatBytes, formatDuration, formatElapsed, formatId, formatSpan, plural } from './format';

test('Counts agree with their noun', () => {
  expect([plural(0, 'item'), plural(1, 'item'), plural(1200, 'item')]).toEqual(['0 items', '1 item', '1,200 items']);
});

test('Ids of 64 bits keep every digit', () => {
  expect(formatId('9223372036854775807')).toBe('9,223,372,036,854,775,807');
  expect(formatId('latest')).toBe('latest');
});

test('Bytes are in the unit that fits', () => {
  expect([999, 1000, 48_233_472, 2.12e11].map(formatBytes)).toEqual(['999 B', '1.0 KB', '48 MB', '212 GB']);
});

test('A configured time keeps its exact value', () => {
  expect([1_209_600, 129_600, 90, 1].map(formatDuration)).toEqual(['14 days', '36 hours', '90 seconds', '1 second']);
});

test('An elapsed time is in its largest unit', () => {
  expect([-5, 59_000, 60_000, 7_200_000, 172_800_000].map(formatElapsed)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '2 h',
    '2 d',
  ]);
});

test('A short length of time is as precise as it is worth', () => {
  expect(formatSpan(11.6)).toBe('12 ms');
  expect(formatSpan(2_440)).toBe('2.4 s');
  expect(formatSpan(75_000)).toBe('1 min');
});
