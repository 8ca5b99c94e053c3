import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { session } from '../session/session';
import { accessibilityProblems, renderAt } from '../testing/renderAt';
import { json, problem, stubServer } from '../testing/server';

const document = {
  openapi: '3.1.1',
  info: { title: 'Databus', version: 'v1' },
  paths: {
    '/api/v1/topics/{topic}': {
      put: {
        tags: ['Topics'],
        summary: 'Configures a topic.',
        parameters: [
          { name: 'topic', in: 'path', required: true },
          { name: 'dry', in: 'query' },
        ],
        requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Settings' } } } },
        responses: { '200': { description: 'Configured.' } },
      },
    },
    '/api/v1/topics': { get: { tags: ['Topics'], summary: 'Lists topics.', responses: {} } },
  },
  components: {
    schemas: {
      Settings: {
        type: 'object',
        properties: { windowSeconds: { type: ['integer', 'null'] }, self: { $ref: '#/components/schemas/Settings' } },
      },
    },
  },
};

test('An operation is tried with its values, a body made from the schema, and the token', async () => {
  session.signIn('dbt_good');
  const seen = stubServer({
    'GET /openapi/v1.json': () => json(document),
    'PUT /api/v1/topics/a%20b': () => problem(400, 'No spaces.'),
    'GET /api/v1/topics': () => json({ topics: [] }),
  });
  renderAt('/docs');
  await userEvent.click(await screen.findByText('Configures a topic.'));
  const body = await screen.findByLabelText<HTMLTextAreaElement>('Body');
  expect(body.value).toContain('"windowSeconds": 0');
  await userEvent.type(screen.getByLabelText('topic (path, required)'), 'a b');
  await userEvent.type(screen.getByLabelText('dry (query)'), '1');
  await userEvent.clear(body);
  await userEvent.type(body, '{{}');
  expect(await accessibilityProblems()).toEqual([]);
  await userEvent.click(screen.getByRole('button', { name: 'Send' }));
  const answer = within(await screen.findByRole('region', { name: 'Answer to PUT /api/v1/topics/{topic}' }));
  expect(answer.getByRole('status')).toHaveTextContent('400');
  expect(answer.getByText('"No spaces."')).toBeVisible();
  const sent = seen.at(-1);
  expect(sent?.url.search).toBe('?dry=1');
  expect(sent?.body).toEqual({});
  expect(sent?.headers.get('Authorization')).toBe('Bearer dbt_good');

  await userEvent.click(screen.getByText('Lists topics.'));
  const sends = await screen.findAllByRole('button', { name: 'Send' });
  expect(sends).toHaveLength(2);
  for (const send of sends) await userEvent.click(send);
  expect(await screen.findByRole('region', { name: 'Answer to GET /api/v1/topics' })).toBeVisible();
  expect(await accessibilityProblems()).toEqual([]);
});
