import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { subscription } from '../testing/samples';
import { json, problem, stubServer } from '../testing/server';

const path = '/api/v1/topics/ads/subscriptions/mailer';
const letter = (id: string) => ({
  id,
  content: { n: id },
  addedAt: new Date().toISOString(),
  attempts: 10,
  reason: `<b>failed ${id}</b>`,
  diedAt: new Date().toISOString(),
});

function serve(more: Parameters<typeof stubServer>[0] = {}) {
  return stubServer({
    [`GET ${path}`]: () => json(subscription({ dead: 2 })),
    [`GET ${path}/dead`]: () => json({ dead: [letter('1'), letter('2')], next: null }),
    ...more,
  });
}

test('Dead letters are listed with their reason as text', async () => {
  serve();
  renderAt('/subscriptions/ads/mailer');
  expect(await screen.findByText('<b>failed 1</b>')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Open dead letter 2' }));
  expect(screen.getByRole('region', { name: 'Dead letter 2 as JSON' })).toHaveTextContent('{ "n": "2" }');
  await userEvent.click(screen.getByRole('button', { name: 'Open dead letter 1' }));
  expect(await accessibilityProblems()).toEqual([]);
});

test('The selected ones are replayed after a confirmation', async () => {
  const seen = serve({ [`POST ${path}/dead/replay`]: () => json({ replayed: 1 }) });
  renderAt('/subscriptions/ads/mailer');
  await userEvent.click(await screen.findByRole('checkbox', { name: 'Select dead letter 2' }));
  await userEvent.click(screen.getByRole('button', { name: 'Replay 1 selected' }));
  expect(seen.some((r) => r.method === 'POST')).toBe(false);
  await userEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Replay' }));
  await waitFor(() => expect(seen.find((r) => r.method === 'POST')?.body).toEqual({ ids: ['2'] }));
  expect(await screen.findByText('1 dead letter replayed.')).toBeVisible();
});

test('All are discarded after a confirmation', async () => {
  const seen = serve({ [`POST ${path}/dead/discard`]: () => json({ discarded: 2 }) });
  renderAt('/subscriptions/ads/mailer');
  await userEvent.click(await screen.findByRole('button', { name: 'Discard all' }));
  await userEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Discard' }));
  await waitFor(() => expect(seen.find((r) => r.method === 'POST')?.body).toEqual({}));
});

test('Where it pushes is shown, and that it is paused', async () => {
  serve({
    [`GET ${path}`]: () =>
      json(subscription({ destination: { kind: 'rabbitmq', queue: 'Apartment_ads', body: 'content' }, paused: true })),
  });
  renderAt('/subscriptions/ads/mailer');
  const panel = within(await screen.findByRole('region', { name: 'Destination' }));
  expect(panel.getByText('Apartment_ads')).toBeVisible();
  expect(panel.getByText('paused: nothing is pushed')).toBeVisible();
  expect(screen.getByText('paused')).toBeVisible();
});

test('A rewind says where to and shows a refusal at its field', async () => {
  const seen = serve({ [`POST ${path}/rewind`]: () => problem(400, 'The newest id is 3.', { field: 'after' }) });
  renderAt('/subscriptions/ads/mailer');
  await userEvent.click(await screen.findByRole('button', { name: 'Rewind' }));
  const dialog = within(screen.getByRole('dialog'));
  await userEvent.click(dialog.getByRole('radio', { name: /After an item/ }));
  await userEvent.clear(dialog.getByLabelText('Id'));
  await userEvent.type(dialog.getByLabelText('Id'), '99');
  await userEvent.click(dialog.getByRole('button', { name: 'Rewind' }));
  expect(await dialog.findByText('The newest id is 3.')).toBeVisible();
  expect(seen.find((r) => r.method === 'POST')?.body).toEqual({ after: '99' });
});
