import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { queue } from '../testing/samples';
import { json, problem, stubServer } from '../testing/server';

const mail = queue({
  name: 'mail',
  counts: { waiting: 1200, delayed: 3, held: 4, blocked: 5, running: 6 },
  endedLastMinute: 80,
  meanWaitSeconds: 0.012,
  limit: { maxRunning: 6, maxStarts: 100, perSeconds: 60 },
});
const serve = (more: Parameters<typeof stubServer>[0] = {}) =>
  stubServer({ 'GET /api/v1/queues': () => json({ queues: [mail, queue({ paused: true })] }), ...more });

test('Queues are listed with counts that lead to their jobs, their rate, their wait and their limit', async () => {
  serve();
  renderAt('/queues');
  const row = within(await screen.findByRole('row', { name: /mail/ }));
  expect(row.getByRole('link', { name: '1,200 waiting in mail' })).toHaveAttribute(
    'href',
    '/jobs?queue=mail&state=waiting',
  );
  expect(row.getByText('80')).toBeVisible();
  expect(row.getByText('12 ms')).toBeVisible();
  expect(row.getByText('6 at once, 100 starts in 1 minute')).toBeVisible();
  const other = within(screen.getByRole('row', { name: /default/ }));
  expect(other.getByText('paused')).toBeVisible();
  expect(other.getByText('no limit')).toBeVisible();
  expect(await accessibilityProblems()).toEqual([]);
});

test('A queue is paused, and nothing else about it is changed', async () => {
  const seen = serve({ 'PUT /api/v1/queues/mail': () => json({ ...mail, paused: true }) });
  renderAt('/queues');
  await userEvent.click(await screen.findByRole('button', { name: 'Pause mail' }));
  await waitFor(() => expect(seen.find((r) => r.method === 'PUT')?.body).toEqual({ paused: true }));
  expect(await screen.findByText('Queue mail is paused: what runs goes on to its end.')).toBeVisible();
});

test('A limit is edited, and a refusal is said at its field', async () => {
  const answers = [
    problem(400, 'maxRunning is from 0 to 1000000.', { field: 'maxRunning', limit: 1_000_000 }),
    json(mail),
  ];
  const seen = serve({ 'PUT /api/v1/queues/mail': () => answers.shift() ?? problem(500, 'Once more than asked.') });
  renderAt('/queues');
  await userEvent.click(await screen.findByRole('button', { name: 'Limit of mail' }));
  const dialog = within(screen.getByRole('dialog'));
  expect(dialog.getByLabelText('Within')).toHaveValue(1);
  await userEvent.clear(dialog.getByLabelText('Running at once'));
  await userEvent.type(dialog.getByLabelText('Running at once'), '2000000');
  await userEvent.clear(dialog.getByLabelText('Starts'));
  await userEvent.click(dialog.getByRole('button', { name: 'Save limit' }));
  expect(await dialog.findByText('maxRunning is from 0 to 1000000.')).toBeVisible();
  expect(dialog.getByLabelText('Running at once')).toBeInvalid();
  expect(seen.find((r) => r.method === 'PUT')?.body).toEqual({ maxRunning: 2_000_000, maxStarts: 0 });

  await userEvent.clear(dialog.getByLabelText('Running at once'));
  await userEvent.type(dialog.getByLabelText('Starts'), '10');
  await userEvent.selectOptions(dialog.getByLabelText('Within: unit'), 'hours');
  await userEvent.click(dialog.getByRole('button', { name: 'Save limit' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(seen.findLast((r) => r.method === 'PUT')?.body).toEqual({ maxRunning: 0, maxStarts: 10, perSeconds: 3600 });
});
