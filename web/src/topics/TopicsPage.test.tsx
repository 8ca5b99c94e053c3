import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { topic } from '../testing/samples';
import { json, problem, stubServer } from '../testing/server';

const two = () =>
  json({ topics: [topic({ name: 'ads', items: 12_345 }), topic({ name: 'news', keyPointers: ['/id'] })] });

test('Topics are listed and searched by name', async () => {
  stubServer({ 'GET /api/v1/topics': two });
  renderAt('/topics');
  expect(await screen.findByRole('cell', { name: '12,345' })).toBeVisible();
  await userEvent.type(screen.getByRole('searchbox'), 'NEW');
  expect(screen.queryByRole('link', { name: 'ads' })).toBeNull();
  expect(screen.getByText('1 of 2 topics')).toBeVisible();
  expect(await accessibilityProblems()).toEqual([]);
});

test('A refused topic shows the sentence at its field', async () => {
  const seen = stubServer({
    'GET /api/v1/topics': two,
    'PUT /api/v1/topics/jobs': () => problem(400, 'A JSON pointer starts with "/".', { field: 'keyPointers' }),
  });
  renderAt('/topics');
  await userEvent.click(await screen.findByRole('button', { name: 'Create topic' }));
  const dialog = within(screen.getByRole('dialog'));
  await userEvent.type(dialog.getByLabelText('Name'), 'jobs');
  await userEvent.type(dialog.getByLabelText('Key pointers'), 'id');
  await userEvent.type(dialog.getByLabelText('Retention in days'), '1.5');
  await userEvent.click(dialog.getByRole('button', { name: 'Create topic' }));
  expect(await dialog.findByText('A JSON pointer starts with "/".')).toBeVisible();
  expect(dialog.getByLabelText('Key pointers')).toBeInvalid();
  expect(seen.find((r) => r.method === 'PUT')?.body).toEqual({
    keyPointers: ['id'],
    windowSeconds: 1_209_600,
    retentionSeconds: 129_600,
  });
});

test('A name that is taken or not allowed cannot be created', async () => {
  stubServer({ 'GET /api/v1/topics': two });
  renderAt('/topics');
  await userEvent.click(await screen.findByRole('button', { name: 'Create topic' }));
  const dialog = within(screen.getByRole('dialog'));
  await userEvent.type(dialog.getByLabelText('Name'), 'ads');
  expect(dialog.getByText('There is a topic of this name already.')).toBeVisible();
  await userEvent.type(dialog.getByLabelText('Name'), ' 2');
  expect(dialog.getByText(/^Up to 100 letters/)).toBeVisible();
  expect(dialog.getByRole('button', { name: 'Create topic' })).toBeDisabled();
});

test('A topic is deleted only after its name was typed', async () => {
  const seen = stubServer({
    'GET /api/v1/topics': two,
    'DELETE /api/v1/topics/ads': () => new Response(null, { status: 204 }),
  });
  renderAt('/topics');
  await userEvent.click(await screen.findByRole('button', { name: 'Delete ads' }));
  const dialog = within(screen.getByRole('dialog'));
  const button = dialog.getByRole('button', { name: 'Delete topic' });
  expect(button).toBeDisabled();
  await userEvent.type(dialog.getByRole('textbox'), 'ads');
  await userEvent.click(button);
  await waitFor(() => expect(seen.some((r) => r.method === 'DELETE')).toBe(true));
  expect(await screen.findByText('Topic ads deleted.')).toBeVisible();
});
