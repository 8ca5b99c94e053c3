import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { node } from '../testing/samples';
import { json, stubServer } from '../testing/server';

test('Every node is shown with its state, its roles and what troubles it', async () => {
  stubServer({
    'GET /api/v1/nodes': () =>
      json({
        nodes: [
          node({ name: 'alpha', isThis: true }),
          node({ id: '2', name: 'beta', roles: ['worker'], state: 'draining' }),
          node({
            id: '3',
            name: 'gamma',
            state: 'silent',
            warnings: [{ code: 'destination-unavailable', message: 'The broker is away since 12:00.' }],
          }),
        ],
      }),
  });
  renderAt('/nodes');

  const alpha = within(await screen.findByRole('row', { name: /alpha/ }));
  expect(alpha.getByText('alive')).toBeVisible();
  expect(alpha.getByText('answers this page')).toBeVisible();
  expect(alpha.getByText('api, worker, collector, scheduler')).toBeVisible();
  expect(within(screen.getByRole('row', { name: /beta/ })).getByText('draining')).toBeVisible();
  expect(within(screen.getByRole('row', { name: /gamma.*silent/ })).getByText('silent')).toBeVisible();
  expect(
    within(screen.getByRole('list', { name: 'Warnings of gamma' })).getByText('The broker is away since 12:00.'),
  ).toBeVisible();
  expect(screen.getByRole('link', { name: 'Nodes' })).toHaveAttribute('aria-current', 'page');
  expect(await accessibilityProblems()).toEqual([]);
});
