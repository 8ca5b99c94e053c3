import { expect, test } from 'vitest';
import { describeFilter, everyJob, filterBody, filterParams, matchesEveryJob, parseFilter } from './jobFilter';

test('An address says a filter, and the filter says the address again', () => {
  const address =
    'state=failed%2Cexpired&queue=mail&name=report&q=Oslo&enqueuedAfter=2026-11-20T10%3A00%3A00.000Z&olderThanSeconds=36000';
  const filter = parseFilter(new URLSearchParams(address));
  expect(filter).toEqual({
    states: ['failed', 'expired'],
    queue: 'mail',
    name: 'report',
    q: 'Oslo',
    enqueuedAfter: '2026-11-20T10:00:00.000Z',
    enqueuedBefore: null,
    olderThanSeconds: 36_000,
  });
  expect(new URLSearchParams(filterParams(filter)).toString()).toBe(address);
});

test('What an address says wrongly does not count', () => {
  const filter = parseFilter(
    new URLSearchParams('state=broken&queue=%20&enqueuedAfter=soon&olderThanSeconds=-1&page=2'),
  );
  expect(filter).toEqual(everyJob);
  expect(matchesEveryJob(filter)).toBe(true);
});

test('A change to many jobs names the states as a list and leaves out what does not matter', () => {
  expect(filterBody({ ...everyJob, states: ['failed'], olderThanSeconds: 60 })).toEqual({
    states: ['failed'],
    olderThanSeconds: 60,
  });
  expect(filterBody(everyJob)).toEqual({});
});

test('A filter is put in words', () => {
  expect(describeFilter(everyJob)).toBe('all jobs but the polls of sources, whatever their state');
  expect(
    describeFilter({
      ...everyJob,
      states: ['failed', 'cancelled', 'expired'],
      name: 'report',
      queue: 'mail',
      q: 'Oslo',
      olderThanSeconds: 36_000,
    }),
  ).toBe(
    'failed, cancelled or expired jobs named report in queue mail with “Oslo” in their arguments older than 10 hours',
  );
});
