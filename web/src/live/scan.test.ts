import { expect, test, vi } from 'vitest';
import { item, items } from '../testing/samples';
import { json, stubServer } from '../testing/server';
import { pageSize, scan } from './scan';

const signal = new AbortController().signal;

test('A search goes on where the server stopped until it finds something to fill a page or the beginning', async () => {
  const stops: Record<string, object> = {
    '1000': { items: [], scannedTo: '500' },
    '500': { items: [item(300)], scannedTo: '200' },
    '200': { items: [], scannedTo: null },
  };
  const seen = stubServer({
    'GET /api/v1/topics/ads/items': ({ url }) => json(stops[url.searchParams.get('before') ?? '']),
  });
  const onFound = vi.fn();
  await scan({ topic: 'ads', before: '1000', q: 'oslo', signal, onFound });
  expect(seen.map(({ url }) => url.searchParams.get('q'))).toEqual(['oslo', 'oslo', 'oslo']);
  expect(onFound.mock.calls.map(([, older]) => older as unknown)).toEqual(['500', '200', null]);
});

test('A search that finds nothing stops at its bound and can be continued', async () => {
  let last = 100_000;
  const seen = stubServer({
    'GET /api/v1/topics/ads/items': () => json({ items: [], scannedTo: String((last -= 100)) }),
  });
  const onFound = vi.fn();
  await scan({ topic: 'ads', before: 'latest', q: 'oslo', signal, onFound });
  expect(seen).toHaveLength(25);
  expect(onFound).toHaveBeenLastCalledWith([], '97500');
});

test('Without a search one page is read; a full one has more after it', async () => {
  stubServer({
    'GET /api/v1/topics/ads/items': () => json({ items: items(200, 200 - pageSize + 1), scannedTo: null }),
  });
  const onFound = vi.fn();
  await scan({ topic: 'ads', before: 'latest', q: '', signal, onFound });
  expect(onFound).toHaveBeenCalledExactlyOnceWith(expect.anything(), '151');
});
