import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { item, topic } from '../testing/samples';
import { json, problem, stubServer, StubStream } from '../testing/server';
import type { Item } from './itemService';

function serve(newestFirst: Item[]) {
  const streams: StubStream[] = [];
  const seen = stubServer({
    'GET /api/v1/topics/ads': () => json(topic()),
    'GET /api/v1/topics/ads/items': ({ url }) => {
      if (url.searchParams.has('after')) return json({ items: [], scannedTo: null });
      const text = url.searchParams.get('q')?.toLowerCase() ?? '';
      const found = newestFirst.filter((i) => JSON.stringify(i.content).toLowerCase().includes(text));
      return json({ items: found.slice(0, Number(url.searchParams.get('limit'))), scannedTo: null });
    },
    'GET /api/v1/topics/ads/events': ({ signal }) => {
      const stream = new StubStream().until(signal);
      streams.push(stream);
      return stream.response;
    },
  });
  return { add: (added: Item) => streams.at(-1)?.item(added), seen };
}

const titles = () =>
  screen.getAllByRole('listitem').flatMap((row) => row.querySelector('.item-title')?.textContent ?? []);

test('Titles with markup and script are text, and only web addresses are links', async () => {
  const title = '<script>alert(1)</script><img src=x onerror=alert(2)>';
  serve([
    item(2, { title, link: 'javascript:alert(3)', author: '<b>x</b>' }),
    item(1, { title: 'Good', link: 'https://example.org/' }),
  ]);
  renderAt('/topics/ads');
  expect(await screen.findByText(title)).toBeVisible();
  expect(document.querySelector('main img, main script, main b')).toBeNull();
  expect(screen.queryByRole('link', { name: title })).toBeNull();
  expect(screen.getByRole('link', { name: 'Good' })).toHaveAttribute('rel', 'noopener noreferrer');
});

test('New items appear by themselves on top', async () => {
  const { add } = serve([item(1, { title: 'First' })]);
  renderAt('/topics/ads');
  await waitFor(() => expect(screen.getByText('Live')).toBeVisible());
  add(item(2, { title: 'Second' }));
  add(item(3, { title: 'Third' }));
  await waitFor(() => expect(titles()).toEqual(['Third', 'Second', 'First']));
});

test('While paused new items are counted and shown on request', async () => {
  const { add } = serve([item(1, { title: 'First' })]);
  renderAt('/topics/ads');
  await waitFor(() => expect(screen.getByText('Live')).toBeVisible());
  await userEvent.click(screen.getByRole('button', { name: 'Pause' }));
  add(item(2, { title: 'Second' }));
  add(item(3, { title: 'Third' }));
  const pill = await screen.findByRole('button', { name: '2 new items' });
  expect(titles()).toEqual(['First']);
  await userEvent.click(pill);
  expect(titles()).toEqual(['Third', 'Second', 'First']);
  expect(screen.getByText('Paused')).toBeVisible();
});

test('A search asks the server, keeps the focus, and filters what arrives', async () => {
  const { add, seen } = serve([item(2, { title: 'Oslo flat' }), item(1, { title: 'Bergen flat' })]);
  renderAt('/topics/ads');
  await screen.findByText('Oslo flat');
  const box = screen.getByRole('searchbox', { name: 'Search items' });
  await userEvent.type(box, 'oslo');
  await waitFor(() => expect(titles()).toEqual(['Oslo flat']));
  expect(seen.some(({ url }) => url.searchParams.get('q') === 'oslo')).toBe(true);
  expect(box).toHaveFocus();
  await waitFor(() => expect(screen.getByText('Live')).toBeVisible());
  add(item(3, { title: 'Tromsø house' }));
  add(item(4, { title: 'OSLO house' }));
  await waitFor(() => expect(titles()).toEqual(['OSLO house', 'Oslo flat']));
});

test('An opened item shows its JSON, key and time; a huge one is cut until asked for', async () => {
  serve([item(1, { text: 'x'.repeat(50_000) })]);
  renderAt('/topics/ads');
  await userEvent.click(await screen.findByRole('button', { name: 'Open item 1' }));
  const json = screen.getByRole('region', { name: 'Item 1 as JSON' });
  expect(json.textContent.length).toBeLessThan(11_000);
  expect(screen.getByText('key-1')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Show all (50 KB)' }));
  expect(json.textContent).toContain('x'.repeat(50_000));
});

test('A failed read shows the server’s sentence and can be tried again', async () => {
  stubServer({
    'GET /api/v1/topics/ads': () => json(topic()),
    'GET /api/v1/topics/ads/items': () => problem(503, 'The store is busy.'),
  });
  renderAt('/topics/ads');
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('The store is busy.');
  serve([item(1, { title: 'Back' })]);
  await userEvent.click(within(alert).getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('Back')).toBeVisible();
});

test('A topic that does not exist is said so', async () => {
  stubServer({});
  renderAt('/topics/nothing');
  expect(await screen.findByText('There is no topic of this name.')).toBeVisible();
});

test('The page has no accessibility problems', async () => {
  serve([item(2, { title: 'Linked', link: 'https://example.org/' }), item(1, { city: 'Oslo' })]);
  renderAt('/topics/ads');
  await userEvent.click(await screen.findByRole('button', { name: 'Open item 2' }));
  await userEvent.click(screen.getByRole('button', { name: 'Open item 1' }));
  expect(await accessibilityProblems()).toEqual([]);
});
