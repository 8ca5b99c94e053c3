import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { Job } from '../jobs/jobService';
import { poll } from '../testing/polls';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { job } from '../testing/samples';
import { json, problem, stubServer } from '../testing/server';

const result = {
  url: 'https://example.org/whale',
  title: 'The <i>Whale</i>',
  language: 'en',
  total: 21_000,
  distinct: 4_200,
  top: Array.from({ length: 30 }, (_, index) => ({ word: index === 0 ? 'the' : `w${index}`, count: 1000 - index })),
  topWithoutStopWords: [
    { word: 'whale', count: 120 },
    { word: 'ship', count: 60 },
  ],
};
const count = (changes: Partial<Job>) => job({ name: 'word-count', arguments: { url: result.url }, ...changes });

test('A page is counted: from its address over its progress to the chart', async () => {
  const done = count({ state: 'succeeded', result });
  let now = count({});
  const seen = stubServer({
    'GET /api/v1/jobs': () => json({ jobs: [done], scannedTo: null }),
    'POST /api/v1/jobs/word-count': () => json(count({}), 202),
    'GET /api/v1/jobs/7': () => json(now),
  });
  renderAt('/word-count');
  await userEvent.type(await screen.findByLabelText('Address of a page'), result.url);
  await userEvent.click(screen.getByRole('button', { name: 'Count words' }));
  expect(await screen.findByText('It starts when a worker is free.')).toBeVisible();
  expect(window.location.search).toBe('?job=7');
  now = count({ state: 'running', progress: 0.4, message: 'Reading the page' });
  poll();
  expect(await screen.findByText('Reading the page')).toBeVisible();
  now = done;
  poll();

  const chart = within(await screen.findByRole('table', { name: 'Without stop words, with how often each occurs' }));
  expect(chart.getByRole('row', { name: 'whale 120' })).toBeVisible();
  expect(chart.getByRole('row', { name: 'ship 60' }).querySelector('rect')).toHaveAttribute('width', '50%');
  expect(screen.getByText('The <i>Whale</i>')).toBeVisible();
  expect(screen.getByRole('link', { name: result.url })).toHaveAttribute('rel', 'noopener noreferrer');
  expect(seen.find((r) => r.method === 'POST')?.body).toEqual({ url: result.url, top: 50 });
  expect(await accessibilityProblems()).toEqual([]);

  const all = within(screen.getByRole('region', { name: 'All words' }));
  expect(all.queryByText('w25')).toBeNull();
  await userEvent.click(all.getByRole('button', { name: 'Show all 30' }));
  expect(all.getByText('w25')).toBeVisible();
});

test('A refused address is said at its field', async () => {
  stubServer({
    'GET /api/v1/jobs': () => json({ jobs: [], scannedTo: null }),
    'POST /api/v1/jobs/word-count': () => problem(400, 'The address is not public.', { field: 'url' }),
  });
  renderAt('/word-count');
  await userEvent.type(await screen.findByLabelText('Address of a page'), 'http://127.0.0.1/');
  await userEvent.click(screen.getByRole('button', { name: 'Count words' }));
  expect(await screen.findByText('The address is not public.')).toBeVisible();
  expect(screen.getByLabelText('Address of a page')).toBeInvalid();
});

test('A count that failed says why, and earlier ones can be looked at', async () => {
  const failed = count({ id: '8', state: 'failed', error: 'The page is larger than 5 MB.' });
  stubServer({
    'GET /api/v1/jobs': () => json({ jobs: [failed], scannedTo: null }),
    'GET /api/v1/jobs/8': () => json(failed),
  });
  renderAt('/word-count');
  await userEvent.click(await screen.findByRole('button', { name: result.url }));
  expect(await screen.findByText('The page is larger than 5 MB.')).toBeVisible();
  expect(screen.getByRole('link', { name: 'Job #8' })).toHaveAttribute('href', '/jobs/8');
});

test('The page of the job shows the chart too, and anything else as JSON', async () => {
  const routes = (answer: Job) => ({
    'GET /api/v1/jobs/7': () => json(answer),
    'GET /api/v1/jobs/7/log': () => json({ lines: [] }),
  });
  stubServer(routes(count({ state: 'succeeded', result })));
  const { unmount } = renderAt('/jobs/7');
  expect(await screen.findByRole('row', { name: 'whale 120' })).toBeVisible();
  unmount();

  stubServer(routes(count({ state: 'succeeded', result: { note: 'another shape' } })));
  renderAt('/jobs/7');
  expect(await screen.findByRole('region', { name: 'Result' })).toHaveTextContent('another shape');
});

test('Where no stop words are known there is one chart, not the same one twice', async () => {
  stubServer({
    'GET /api/v1/jobs/7': () => json(count({ state: 'succeeded', result: { ...result, language: null } })),
    'GET /api/v1/jobs/7/log': () => json({ lines: [] }),
  });
  renderAt('/jobs/7');
  expect(await screen.findByRole('region', { name: 'All words' })).toBeVisible();
  expect(screen.queryByRole('region', { name: 'Without stop words' })).toBeNull();
  expect(screen.getByText('none known')).toBeVisible();
});
