import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { poll } from '../testing/polls';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { job, node } from '../testing/samples';
import { json, problem, stubServer } from '../testing/server';
import type { Job } from './jobService';

const path = '/api/v1/jobs/7';
const line = (text: string, attempt = 1) => ({ at: new Date().toISOString(), attempt, level: 'info', text });

function serve(first: Job, more: Parameters<typeof stubServer>[0] = {}) {
  return stubServer({
    [`GET ${path}`]: () => json(first),
    [`GET ${path}/log`]: () => json({ lines: [] }),
    ...more,
  });
}

test('A running job shows its progress, and is read again until it has ended', async () => {
  let now = job({
    state: 'running',
    attempt: 1,
    startedAt: new Date().toISOString(),
    owner: '1',
    progress: 0.5,
    message: 'Half of it',
  });
  const seen = serve(job(), {
    [`GET ${path}`]: () => json(now),
    'GET /api/v1/nodes': () => json({ nodes: [node()] }),
    [`GET ${path}/log`]: () => json({ lines: [line('<i>begins</i>'), line('again', 2)] }),
  });
  renderAt('/jobs/7');
  expect(await screen.findByRole('progressbar', { name: 'Progress' })).toHaveValue(50);
  expect(screen.getByText('Half of it')).toBeVisible();
  expect(await screen.findByText('alpha')).toBeVisible();
  expect(await screen.findByText('<i>begins</i>')).toBeVisible();
  expect(screen.getByText('attempt 2')).toBeVisible();
  expect(await accessibilityProblems()).toEqual([]);

  now = job({ state: 'succeeded', attempt: 1, endedAt: new Date().toISOString(), result: { pages: 3 } });
  poll();
  const result = within(await screen.findByRole('region', { name: 'Result' }));
  expect(result.getByRole('region', { name: 'Result as JSON' })).toHaveTextContent('{ "pages": 3 }');
  expect(await accessibilityProblems()).toEqual([]);
  expect(screen.queryByRole('progressbar')).toBeNull();
  expect(screen.getByRole('heading', { level: 1, name: 'report #7' })).toBeVisible();
  const reads = (of: string) => seen.filter((r) => r.url.pathname === of).length;
  // The last lines are read once more after the end: with the poll, and when it ended.
  await waitFor(() => expect(reads(`${path}/log`)).toBe(3));
  poll();
  expect([reads(path), reads(`${path}/log`)]).toEqual([2, 3]);
});

test('A job that runs can be cancelled, and says that it is about to stop', async () => {
  const running = job({ state: 'running', attempt: 1 });
  const asked = { ...running, cancelRequested: true };
  let now = running;
  serve(running, {
    [`GET ${path}`]: () => json(now),
    [`POST ${path}/cancel`]: () => {
      now = asked;
      return json(asked, 202);
    },
  });
  renderAt('/jobs/7');
  const button = await screen.findByRole('button', { name: 'Cancel' });
  expect(screen.queryByRole('button', { name: 'Delete' })).toBeNull();
  await userEvent.click(button);
  expect(await screen.findByText('The job was asked to stop.')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Stopping…' })).toBeDisabled();
  expect(screen.getByText('stopping')).toBeVisible();
});

test('A failed job shows its error and is retried; a refusal is shown', async () => {
  const answers = [problem(409, 'Another one has its unique key.'), json(job({ state: 'waiting' }), 202)];
  const ended = job({ state: 'failed', attempt: 10, error: '<b>away</b>\n at Mailer' });
  serve(ended, { [`POST ${path}/retry`]: () => answers.shift() ?? problem(500, 'Once more than asked.') });
  renderAt('/jobs/7');
  expect(await screen.findByText(/<b>away<\/b>\s+at Mailer/)).toBeVisible();
  const retry = screen.getByRole('button', { name: 'Retry' });
  await userEvent.click(retry);
  expect(await screen.findByText('Another one has its unique key.')).toBeVisible();
  await userEvent.click(retry);
  expect(await screen.findByText('The job waits to run again.')).toBeVisible();
});

test('A job is deleted after a confirmation, and the list comes back', async () => {
  const seen = serve(job({ state: 'cancelled' }), {
    [`DELETE ${path}`]: () => new Response(null, { status: 204 }),
    'GET /api/v1/jobs': () => json({ jobs: [], scannedTo: null }),
    'GET /api/v1/queues': () => json({ queues: [] }),
  });
  renderAt('/jobs/7');
  await userEvent.click(await screen.findByRole('button', { name: 'Delete' }));
  await userEvent.click(screen.getByRole('button', { name: 'Delete job' }));
  expect(await screen.findByText('There are no jobs.')).toBeVisible();
  expect(seen.some((r) => r.method === 'DELETE')).toBe(true);
});

test('A job that is no longer kept says so and is not asked for again', async () => {
  serve(job(), { [`GET ${path}`]: () => problem(410, 'The job 7 is no longer kept.') });
  renderAt('/jobs/7');
  expect(await screen.findByText('The job 7 is no longer kept.')).toBeVisible();
  expect(screen.getByRole('link', { name: 'Show all jobs' })).toHaveAttribute('href', '/jobs');
});
