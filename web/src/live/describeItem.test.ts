import { expect, test } from 'vitest';
import { describeItem } from './describeItem';

test('A feed entry is its title, link, author and date', () => {
  expect(
    describeItem({
      title: ' A question ',
      link: 'https://example.org/q/1',
      author: { name: 'Ann' },
      published: '2026-01-02T03:04:05Z',
    }),
  ).toEqual({
    kind: 'entry',
    title: 'A question',
    link: 'https://example.org/q/1',
    host: 'example.org',
    author: 'Ann',
    published: '2026-01-02T03:04:05Z',
  });
});

test.each([
  'javascript:alert(1)',
  ' JaVaScRiPt:alert(1)',
  'data:text/html,x',
  'ftp://example.org',
  '//example.org',
  'no',
])('%j is not a link', (link) => expect(describeItem({ title: 't', link })).toMatchObject({ link: null, host: null }));

test('Several authors are one line, a date that is none is left out', () => {
  expect(describeItem({ title: 't', authors: ['A', { name: 'B' }, 3], published: 'soon' })).toMatchObject({
    author: 'A, B',
    published: null,
  });
});

test('Anything else is its first fields', () => {
  expect(
    describeItem({ city: 'Oslo', price: 900, tags: [1, 2], owner: { a: 1 }, pets: null, '': true, more: 1 }),
  ).toEqual({
    kind: 'fields',
    fields: [
      { name: 'city', value: 'Oslo' },
      { name: 'price', value: '900' },
      { name: 'tags', value: '[2]' },
      { name: 'owner', value: '{1}' },
      { name: 'pets', value: 'null' },
      { name: '""', value: 'true' },
    ],
    more: 1,
  });
});

test('A huge value is cut, never between the halves of a character', () => {
  const summary = describeItem({ text: `${'x'.repeat(79)}😀${'y'.repeat(1_000_000)}` });
  expect(summary).toMatchObject({ fields: [{ name: 'text', value: `${'x'.repeat(79)}…` }] });
});

test.each([null, 'text', 5, [1], {}])('%j does not fail', (content) => {
  expect(describeItem(content).kind).toBe('fields');
});
