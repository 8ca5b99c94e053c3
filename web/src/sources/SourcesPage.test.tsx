import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { source } from '../testing/samples';
import { json, problem, stubServer } from '../testing/server';

const failing = source({ state: 'failing', failures: 4, error: 'The host answered 503.' });
const serve = (more: Parameters<typeof stubServer>[0] = {}) =>
  stubServer({ 'GET /api/v1/sources': () => json({ sources: [failing] }), ...more });

test('A failing source shows its error', async () => {
  serve();
  renderAt('/sources');
  expect(await screen.findByText('The host answered 503.')).toBeVisible();
  expect(screen.getByText('4 failures since the last success')).toBeVisible();
  expect(await accessibilityProblems()).toEqual([]);
});

test('Pausing keeps the other settings', async () => {
  const seen = serve({ 'PUT /api/v1/sources/news': () => json({ ...failing, paused: true }) });
  renderAt('/sources');
  await userEvent.click(await screen.findByRole('button', { name: 'Pause news' }));
  await waitFor(() =>
    expect(seen.find((r) => r.method === 'PUT')?.body).toEqual({
      kind: 'feed',
      url: 'https://example.org/feed.atom',
      topic: 'news',
      intervalSeconds: 300,
      paused: true,
    }),
  );
});

test('A queue is listened to: it has no polls, and pausing keeps its kind', async () => {
  const ads = source({ name: 'ads', kind: 'amqp', url: 'amqp:Apartment_ads', state: 'listening', itemsAdded: 7 });
  const seen = stubServer({
    'GET /api/v1/sources': () => json({ sources: [ads] }),
    'PUT /api/v1/sources/ads': () => json({ ...ads, paused: true, state: 'paused' }),
  });
  renderAt('/sources');
  expect(await screen.findByText('listening')).toBeVisible();
  expect(screen.getByText('amqp:Apartment_ads')).toBeVisible();
  expect(screen.queryByText('Next poll')).toBeNull();
  expect(screen.queryByRole('button', { name: /Poll/ })).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Pause ads' }));
  await waitFor(() => expect(seen.find((r) => r.method === 'PUT')?.body).toMatchObject({ kind: 'amqp' }));
});

test('A poll is asked for; a refusal is shown', async () => {
  serve({ 'POST /api/v1/sources/news/poll': () => problem(409, 'The source is paused.') });
  renderAt('/sources');
  await userEvent.click(await screen.findByRole('button', { name: 'Poll news now' }));
  expect(await screen.findByText('The source is paused.')).toBeVisible();
});

test('A feed is added, and a refused address is said at its field', async () => {
  const seen = serve({
    'PUT /api/v1/sources/blog': () => problem(400, 'The address is not public.', { field: 'url' }),
  });
  renderAt('/sources');
  await userEvent.click(await screen.findByRole('button', { name: 'Add feed' }));
  const dialog = within(screen.getByRole('dialog'));
  await userEvent.type(dialog.getByLabelText('Address'), 'http://127.0.0.1/feed');
  await userEvent.type(dialog.getByLabelText('Name'), 'blog');
  await userEvent.click(dialog.getByRole('button', { name: 'Add feed' }));
  expect(await dialog.findByText('The address is not public.')).toBeVisible();
  expect(seen.find((r) => r.method === 'PUT')?.body).toEqual({
    kind: 'feed',
    url: 'http://127.0.0.1/feed',
    intervalSeconds: 300,
  });
});
