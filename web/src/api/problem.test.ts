import { expect, test } from 'vitest';
import { problem } from '../testing/server';
import { Problem } from './problem';

test('A problem has the server’s sentence, field and limit', async () => {
  const read = await Problem.fromResponse(problem(413, 'The body is too large.', { field: 'body', limit: 1000 }));
  expect(read).toMatchObject({ message: 'The body is too large.', status: 413, field: 'body', limit: '1000' });
});

test('Retry-After is kept in seconds', async () => {
  const response = new Response('', { status: 503, statusText: 'Busy', headers: { 'Retry-After': '7' } });
  expect(await Problem.fromResponse(response)).toMatchObject({
    message: 'The server answered 503 Busy.',
    retryAfter: 7,
  });
});

test('A body that is not what it says does not hide the status', async () => {
  const response = new Response('{"error":', { status: 502, headers: { 'Content-Type': 'application/problem+json' } });
  expect((await Problem.fromResponse(response)).message).toBe('The server answered 502.');
});
