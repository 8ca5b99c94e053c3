import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test } from 'vitest';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { overview } from '../testing/samples';
import { json, problem, stubServer } from '../testing/server';
import { session } from './session';

const onlyFor = (token: string) => (request: { headers: Headers }, answer: () => Response) =>
  request.headers.get('Authorization') === `Bearer ${token}` ? answer() : problem(401, 'This token is not known.');

beforeEach(() => session.signIn(''));

function serve() {
  const guard = onlyFor('dbt_good');
  return stubServer({
    'GET /api/v1/overview': (r) => guard(r, () => json(overview())),
    'GET /api/v1/topics': (r) => guard(r, () => json({ topics: [] })),
    'GET /api/v1/subscriptions': (r) => guard(r, () => json({ subscriptions: [] })),
    'GET /api/v1/sources': (r) => guard(r, () => json({ sources: [] })),
  });
}

test('A 401 asks for a token; a wrong one is refused, a good one is sent with every request', async () => {
  const seen = serve();
  renderAt('/');
  const box = await screen.findByLabelText('Token');
  expect(await accessibilityProblems()).toEqual([]);
  await userEvent.type(box, 'dbt_bad{Enter}');
  expect(await screen.findByText('This token is not known.')).toBeVisible();
  await userEvent.clear(box);
  await userEvent.type(box, 'dbt_good{Enter}');
  expect(await screen.findByText('Nothing is late, stuck or lost.')).toBeVisible();
  expect(sessionStorage.getItem('databus.token')).toBe('dbt_good');
  expect(seen.at(-1)?.headers.get('Authorization')).toBe('Bearer dbt_good');
});

test('Signing out forgets the token', async () => {
  serve();
  session.signIn('dbt_good');
  renderAt('/');
  await userEvent.click(await screen.findByRole('button', { name: 'Sign out' }));
  expect(await screen.findByLabelText('Token')).toBeVisible();
  expect(sessionStorage.getItem('databus.token')).toBeNull();
});

test('A late 401 of an earlier token does not sign out the present one', () => {
  session.signIn('dbt_new');
  session.refused('dbt_old');
  expect(session.token()).toBe('dbt_new');
});
