import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { job, schedule } from '../testing/samples';
import { json, problem, stubServer, type SeenRequest } from '../testing/server';

const nightly = schedule({ lastJobId: '1234', lastJobState: 'failed', ticks: 12, skipped: 2 });
const serve = (more: Parameters<typeof stubServer>[0] = {}) =>
  stubServer({
    'GET /api/v1/schedules': () => json({ schedules: [nightly] }),
    'POST /api/v1/schedules/preview': () => json({ times: ['2026-11-22T02:30:00Z', '2026-11-23T02:30:00Z'] }),
    ...more,
  });
const put = (seen: SeenRequest[]) => seen.findLast((r) => r.method === 'PUT');

test('A schedule is shown with its rule in words, its last job and its ticks', async () => {
  serve();
  renderAt('/schedules');
  expect(await screen.findByText('Every day at 03:30, Europe/Oslo')).toBeVisible();
  expect(screen.getByRole('link', { name: 'Job #1,234, failed' })).toHaveAttribute('href', '/jobs/1234');
  expect(screen.getByText('+ 2 skipped')).toBeVisible();
  expect(screen.getByRole('link', { name: 'report' })).toHaveAttribute('href', '/jobs?name=report');
  expect(await accessibilityProblems()).toEqual([]);
});

test('A schedule is paused and run by itself', async () => {
  const seen = serve({
    'PUT /api/v1/schedules/nightly': () => json({ ...nightly, paused: true }),
    'POST /api/v1/schedules/nightly/run': () => json(job({ id: '5678' }), 202),
  });
  renderAt('/schedules');
  await userEvent.click(await screen.findByRole('button', { name: 'Pause nightly' }));
  await waitFor(() => expect(put(seen)?.body).toEqual({ paused: true }));
  await userEvent.click(screen.getByRole('button', { name: 'Run now: nightly' }));
  expect(await screen.findByText('Job #5,678 of nightly enqueued.')).toBeVisible();
});

test('The next runs show while the rule is typed, and what is wrong with it', async () => {
  const seen = serve({
    'POST /api/v1/schedules/preview': ({ body }) =>
      (body as { cron?: string }).cron === '30 3 * * *'
        ? json({ times: ['2026-11-22T02:30:00Z', '2026-11-23T02:30:00Z'] })
        : problem(400, 'The cron expression has five or six fields.', { field: 'cron' }),
  });
  renderAt('/schedules');
  await userEvent.click(await screen.findByRole('button', { name: 'Create schedule' }));
  await userEvent.click(screen.getByRole('radio', { name: 'By the clock (cron)' }));
  await userEvent.clear(screen.getByLabelText('Time zone'));
  await userEvent.type(screen.getByLabelText('Time zone'), 'Europe/Oslo');
  await userEvent.type(screen.getByLabelText('Cron expression'), '30 3');
  const next = within(screen.getByRole('region', { name: 'Next runs' }));
  expect(await next.findByText('The cron expression has five or six fields.')).toBeVisible();
  await userEvent.type(screen.getByLabelText('Cron expression'), ' * * *');
  // In the schedule's zone, not in UTC and not in the browser's.
  expect(await next.findByText(/22 Nov 2026, 03:30:00/)).toBeVisible();
  expect(screen.queryByText('The cron expression has five or six fields.')).toBeNull();
  expect(seen.findLast((r) => r.method === 'POST')?.body).toEqual({
    cron: '30 3 * * *',
    zone: 'Europe/Oslo',
    count: 5,
  });
  expect(await accessibilityProblems()).toEqual([]);
});

test('A schedule is created, and a refusal is said at its field', async () => {
  const answers = [problem(400, 'There is a mistake in the name.', { field: 'job.name' }), json(nightly, 201)];
  const seen = serve({
    'PUT /api/v1/schedules/hourly': () => answers.shift() ?? problem(500, 'Once more than asked.'),
  });
  renderAt('/schedules');
  await userEvent.click(await screen.findByRole('button', { name: 'Create schedule' }));
  const dialog = within(screen.getByRole('dialog'));
  const save = dialog.getByRole('button', { name: 'Create schedule' });
  await userEvent.type(dialog.getByLabelText('Name'), 'nightly');
  expect(dialog.getByText('There is a schedule of this name already.')).toBeVisible();
  await userEvent.clear(dialog.getByLabelText('Name'));
  await userEvent.type(dialog.getByLabelText('Name'), 'hourly');
  await userEvent.type(dialog.getByLabelText('Job'), 'report');
  await userEvent.clear(dialog.getByLabelText('Arguments'));
  await userEvent.type(dialog.getByLabelText('Arguments'), '{{"n":');
  expect(dialog.getByText('This is not JSON.')).toBeVisible();
  expect(save).toBeDisabled();
  await userEvent.type(dialog.getByLabelText('Arguments'), '1}');
  await userEvent.click(save);
  expect(await dialog.findByText('There is a mistake in the name.')).toBeVisible();
  expect(dialog.getByLabelText('Job')).toBeInvalid();
  await userEvent.click(save);
  expect(await screen.findByText('Schedule hourly created.')).toBeVisible();
  expect(put(seen)?.body).toEqual({
    everySeconds: 3600,
    job: { name: 'report', arguments: { n: 1 }, queue: 'default', priority: 'normal', maxAttempts: 10 },
    catchUp: 'latest',
    catchUpLimit: 100,
    overlap: 'skip',
    jitterSeconds: 0,
    paused: false,
  });
});

test('Editing keeps what the form does not name', async () => {
  const seen = serve({ 'PUT /api/v1/schedules/nightly': () => json(nightly) });
  renderAt('/schedules');
  await userEvent.click(await screen.findByRole('button', { name: 'Edit nightly' }));
  const dialog = within(screen.getByRole('dialog'));
  await userEvent.click(dialog.getByText('Missed ticks, overlap, attempts'));
  await userEvent.selectOptions(dialog.getByLabelText('While the earlier job runs'), 'Cancel the earlier one');
  await userEvent.click(dialog.getByRole('button', { name: 'Save schedule' }));
  await waitFor(() =>
    expect(put(seen)?.body).toMatchObject({
      cron: '30 3 * * *',
      zone: 'Europe/Oslo',
      overlap: 'cancelOld',
      job: { keepSeconds: 3600 },
    }),
  );
  expect(put(seen)?.body).not.toHaveProperty('everySeconds');
});

test('A schedule is deleted after a confirmation', async () => {
  const seen = serve({ 'DELETE /api/v1/schedules/nightly': () => new Response(null, { status: 204 }) });
  renderAt('/schedules');
  await userEvent.click(await screen.findByRole('button', { name: 'Delete nightly' }));
  await userEvent.click(screen.getByRole('button', { name: 'Delete schedule' }));
  expect(await screen.findByText('Schedule nightly deleted.')).toBeVisible();
  expect(seen.some((r) => r.method === 'DELETE')).toBe(true);
});
