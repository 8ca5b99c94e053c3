import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { poll } from '../testing/polls';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { overview, source, subscription, topic } from '../testing/samples';
import { json, stubServer } from '../testing/server';

const routes = {
  'GET /api/v1/overview': () => json(overview()),
  'GET /api/v1/topics': () => json({ topics: [topic()] }),
  'GET /api/v1/subscriptions': () => json({ subscriptions: [subscription()] }),
  'GET /api/v1/sources': () => json({ sources: [source()] }),
};

test('A calm server is called calm, with its figures', async () => {
  stubServer(routes);
  renderAt('/');
  expect(await screen.findByText('Nothing is late, stuck or lost.')).toBeVisible();
  expect(screen.getByText('42')).toBeVisible();
  expect(await accessibilityProblems()).toEqual([]);
});

test('What is wrong is listed with a link to it', async () => {
  stubServer({ ...routes, 'GET /api/v1/subscriptions': () => json({ subscriptions: [subscription({ dead: 2 })] }) });
  renderAt('/');
  expect(await screen.findByRole('link', { name: 'mailer on ads gave up on 2 items.' })).toHaveAttribute(
    'href',
    '/subscriptions/ads/mailer',
  );
});

test('A server that stops answering is said so, and the last figures stay', async () => {
  let away = false;
  stubServer({
    ...routes,
    'GET /api/v1/overview': () => (away ? Promise.reject(new TypeError('Failed to fetch')) : json(overview())),
  });
  renderAt('/');
  await screen.findByText('42');
  away = true;
  poll();
  expect(await screen.findByText('The server does not answer.')).toBeVisible();
  expect(screen.getByText('42')).toBeVisible();
});
