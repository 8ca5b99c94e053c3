import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { job, queue } from '../testing/samples';
import { json, problem, stubServer, type SeenRequest } from '../testing/server';
import type { BulkStep } from './jobService';

const failed = job({ id: '41', state: 'failed', attempt: 10, error: '<b>The mail server is away.</b>\n   at Mailer' });
const running = job({ id: '42', name: 'import', state: 'running', attempt: 1, progress: 0.256 });

function serve(more: Parameters<typeof stubServer>[0] = {}) {
  return stubServer({
    'GET /api/v1/jobs': () => json({ jobs: [running, failed], scannedTo: null }),
    'GET /api/v1/queues': () =>
      json({
        queues: [
          queue({ counts: { waiting: 1200, delayed: 3, held: 0, blocked: 0, running: 1 }, endedLastMinute: 40 }),
          queue({
            name: 'mail',
            counts: { waiting: 34, delayed: 0, held: 0, blocked: 0, running: 0 },
            endedLastMinute: 2,
          }),
          queue({
            name: 'sources',
            counts: { waiting: 7, delayed: 0, held: 0, blocked: 0, running: 1 },
            endedLastMinute: 500,
          }),
        ],
      }),
    ...more,
  });
}

const lists = (seen: SeenRequest[]) => seen.filter((r) => r.method === 'GET' && r.url.pathname === '/api/v1/jobs');
const posts = (seen: SeenRequest[]) => seen.filter((r) => r.method === 'POST');

test('Jobs are listed with their state, their progress and their error as text', async () => {
  serve();
  renderAt('/jobs');
  expect(within(await screen.findByRole('row', { name: /import/ })).getByText('25 %')).toBeVisible();
  expect(screen.getByText('<b>The mail server is away.</b>')).toBeVisible();
  expect(screen.getByRole('link', { name: 'report #41' })).toHaveAttribute('href', '/jobs/41');
  expect(screen.getByRole('link', { name: 'Jobs' })).toHaveAttribute('aria-current', 'page');
  expect(document.title).toBe('Jobs · Databus');
  expect(await accessibilityProblems()).toEqual([]);
});

test('The states carry their counts, of the queue that is chosen', async () => {
  serve();
  renderAt('/jobs');
  expect(await screen.findByRole('button', { name: 'waiting 1,234' })).toBeVisible();
  expect(screen.getByText(/42 jobs ended in the last minute\./)).toBeVisible();
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Queue' }), 'mail');
  expect(screen.getByRole('button', { name: 'waiting 34' })).toBeVisible();
  expect(screen.getByText(/2 jobs ended in the last minute in mail\./)).toBeVisible();
  expect(window.location.search).toBe('?queue=mail');

  // Polls of sources count only where they are listed.
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Queue' }), 'sources');
  expect(screen.getByRole('button', { name: 'waiting 7' })).toBeVisible();
});

test('A filter goes from the address into the list, and from the fields into the address', async () => {
  const seen = serve();
  renderAt('/jobs?state=failed&queue=mail&olderThanSeconds=36000&before=900');
  await screen.findByRole('row', { name: /report/ });
  expect(Object.fromEntries(lists(seen)[0]?.url.searchParams ?? [])).toEqual({
    state: 'failed',
    queue: 'mail',
    olderThanSeconds: '36000',
    before: '900',
    limit: '50',
  });
  expect(screen.getByLabelText('Older than')).toHaveValue(10);

  await userEvent.click(screen.getByRole('button', { name: 'expired' }));
  await userEvent.type(screen.getByLabelText('Search arguments'), 'Oslo');
  // Another filter is another list: it begins at the newest.
  await waitFor(() =>
    expect(window.location.search).toBe('?state=failed%2Cexpired&queue=mail&q=Oslo&olderThanSeconds=36000'),
  );
  await waitFor(() => expect(lists(seen).at(-1)?.url.searchParams.get('q')).toBe('Oslo'));

  await userEvent.click(screen.getByRole('button', { name: 'Clear filter' }));
  expect(window.location.search).toBe('');
  expect(screen.getByLabelText('Search arguments')).toHaveValue('');
  expect(screen.getByLabelText('Older than')).toHaveValue(null);
});

test('A refused filter shows why', async () => {
  serve({ 'GET /api/v1/jobs': () => problem(400, 'A name of a job has letters and digits.', { field: 'name' }) });
  renderAt('/jobs?name=%2F');
  expect(await screen.findByText('A name of a job has letters and digits.')).toBeVisible();
});

test('A page is filled by several answers, and the next one goes on where they ended', async () => {
  const seen = serve({
    'GET /api/v1/jobs': ({ url }) =>
      url.searchParams.get('before') === null
        ? json({ jobs: [running], scannedTo: '5000' })
        : url.searchParams.get('before') === '5000'
          ? json({ jobs: [failed], scannedTo: '4000' })
          : json({ jobs: [], scannedTo: String(Number(url.searchParams.get('before')) - 1000) }),
  });
  renderAt('/jobs?q=rare');
  expect(await screen.findByRole('row', { name: /report/ })).toBeVisible();
  expect(screen.getByRole('row', { name: /import/ })).toBeVisible();
  expect(screen.getByText('These were found down to job #1,000 so far.')).toBeVisible();
  expect(lists(seen).map((r) => r.url.searchParams.get('before'))).toEqual([null, '5000', '4000', '3000', '2000']);
  await userEvent.click(screen.getByRole('link', { name: 'Look further back' }));
  expect(window.location.search).toBe('?q=rare&before=1000');
  await userEvent.click(await screen.findByRole('link', { name: 'Newest' }));
  expect(window.location.search).toBe('?q=rare');
});

test('A bulk change names its filter and how far it goes, and goes on until nothing is left', async () => {
  const steps: BulkStep[] = [
    { changed: 200, scannedTo: '30' },
    { changed: 0, scannedTo: '12' },
    { changed: 34, scannedTo: null },
  ];
  const seen = serve({
    'GET /api/v1/jobs': () => json({ jobs: [failed], scannedTo: null }),
    'POST /api/v1/jobs/bulk/retry': () => json(steps.shift()),
  });
  renderAt('/jobs?state=failed&queue=mail');
  await userEvent.click(await screen.findByRole('button', { name: 'Retry…' }));
  expect(screen.getByRole('dialog')).toHaveTextContent('This concerns failed jobs in queue mail.');
  expect(screen.getByRole('dialog')).toHaveTextContent('From job #41 down to the oldest');
  expect(posts(seen)).toEqual([]);

  await userEvent.click(screen.getByRole('button', { name: 'Retry jobs' }));
  expect(await screen.findByText('234 jobs set to run again')).toBeVisible();
  const filter = { states: ['failed'], queue: 'mail' };
  expect(posts(seen).map((r) => r.body)).toEqual([
    { filter, before: '42' },
    { filter, before: '30' },
    { filter, before: '12' },
  ]);
  await userEvent.click(screen.getByRole('button', { name: 'Close' }));
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('A bulk change that is stopped ends after the answer it waits for, and can go on', async () => {
  const answer = vi.fn<(step: Response) => void>();
  const seen = serve({
    'GET /api/v1/jobs': () => json({ jobs: [failed], scannedTo: null }),
    'POST /api/v1/jobs/bulk/delete': () => new Promise((resolve) => answer.mockImplementation(resolve)),
  });
  renderAt('/jobs?state=failed');
  await userEvent.click(await screen.findByRole('button', { name: 'Delete…' }));
  await userEvent.click(screen.getByRole('button', { name: 'Delete jobs' }));
  expect(await screen.findByRole('progressbar', { name: 'Progress' })).toBeVisible();
  expect(await accessibilityProblems()).toEqual([]);
  await userEvent.click(screen.getByRole('button', { name: 'Stop' }));
  expect(screen.getByRole('button', { name: 'Stopping…' })).toBeDisabled();

  answer(json({ changed: 5, scannedTo: '20' }));
  expect(await screen.findByText('Stopped at job #20.', { exact: false })).toHaveTextContent('5 jobs deleted.');
  expect(posts(seen)).toHaveLength(1);

  await userEvent.click(screen.getByRole('button', { name: 'Go on' }));
  await waitFor(() => expect(posts(seen)).toHaveLength(2));
  expect(posts(seen)[1]?.body).toMatchObject({ before: '20' });
  answer(json({ changed: 1, scannedTo: null }));
  expect(await screen.findByText('6 jobs deleted')).toBeVisible();
});

test('A bulk change that fails says so and keeps its place', async () => {
  const answers = [
    json({ changed: 5, scannedTo: '20' }),
    problem(503, 'The store is busy.'),
    json({ changed: 1, scannedTo: null }),
  ];
  const seen = serve({
    'GET /api/v1/jobs': () => json({ jobs: [failed], scannedTo: null }),
    'POST /api/v1/jobs/bulk/retry': () => answers.shift() ?? problem(500, 'Once more than asked.'),
  });
  renderAt('/jobs?state=failed');
  await userEvent.click(await screen.findByRole('button', { name: 'Retry…' }));
  await userEvent.click(screen.getByRole('button', { name: 'Retry jobs' }));
  expect(await screen.findByText('The store is busy.')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Go on' }));
  expect(await screen.findByText('6 jobs set to run again')).toBeVisible();
  expect(posts(seen).at(-1)?.body).toMatchObject({ before: '20' });
});

test('Everything is deleted only after it was typed, and says so to the server', async () => {
  const seen = serve({ 'POST /api/v1/jobs/bulk/delete': () => json({ changed: 2, scannedTo: null }) });
  renderAt('/jobs');
  await userEvent.click(await screen.findByRole('button', { name: 'Delete…' }));
  const button = screen.getByRole('button', { name: 'Delete jobs' });
  expect(button).toBeDisabled();
  await userEvent.type(screen.getByRole('textbox', { name: 'Type delete all to confirm' }), 'delete all');
  await userEvent.click(button);
  await waitFor(() => expect(posts(seen)[0]?.body).toEqual({ filter: {}, before: '43', all: true }));
});

test('Only what can be done to jobs in the chosen states is offered', async () => {
  serve();
  renderAt('/jobs?state=running');
  expect(await screen.findByRole('button', { name: 'Cancel…' })).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Retry…' })).toBeNull();
  expect(screen.queryByRole('button', { name: 'Delete…' })).toBeNull();
});
