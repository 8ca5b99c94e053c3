import { expect, test } from 'vitest';
import { tokenizeJson } from './tokenizeJson';

const text = JSON.stringify({ 'a "b"\\': ['x: 1', -1.5e-9, true, null, {}] }, null, 2);

test('The tokens are the text', () => {
  expect(
    tokenizeJson(text)
      .map((t) => t.text)
      .join(''),
  ).toBe(text);
});

test('Names, strings, numbers and words are told apart', () => {
  expect(
    tokenizeJson(text)
      .filter((t) => t.kind !== 'plain')
      .map((t) => [t.kind, t.text]),
  ).toEqual([
    ['name', JSON.stringify('a "b"\\')],
    ['string', '"x: 1"'],
    ['number', '-1.5e-9'],
    ['word', 'true'],
    ['word', 'null'],
  ]);
});

test('Text that is cut off, or no JSON at all, stays whole', () => {
  for (const part of [text.slice(0, 9), 'not json "', '']) {
    expect(
      tokenizeJson(part)
        .map((t) => t.text)
        .join(''),
    ).toBe(part);
  }
});
