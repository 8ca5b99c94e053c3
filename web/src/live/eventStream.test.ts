import { expect, test } from 'vitest';
import { readEventStream, type EventFrame } from './eventStream';

async function read(...chunks: (string | Uint8Array)[]): Promise<EventFrame[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) {
        controller.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
      }
      controller.close();
    },
  });
  const frames: EventFrame[] = [];
  for await (const frame of readEventStream(body)) frames.push(frame);
  return frames;
}

test('An event has its id and data', async () => {
  expect(await read('id: 7\ndata: {"a":1}\n\n')).toEqual([{ kind: 'event', id: '7', data: '{"a":1}' }]);
});

test('The opening frame gives the retry time and no event, whatever id it names', async () => {
  expect(await read('retry: 2000\nid: 99\n\n')).toEqual([{ kind: 'retry', milliseconds: 2000 }]);
});

test('A comment proves life', async () => {
  expect(await read(': alive\n\n')).toEqual([{ kind: 'comment' }]);
});

test('Several data lines are one text', async () => {
  expect(await read('data: a\ndata:b\ndata\n\n')).toEqual([{ kind: 'event', id: undefined, data: 'a\nb\n' }]);
});

test.each(['\n', '\r\n', '\r'])('Lines may end with %j', async (end) => {
  expect(await read(`id: 1${end}data: x${end}${end}`)).toEqual([{ kind: 'event', id: '1', data: 'x' }]);
});

test('Chunks may split anything: lines, line ends and characters', async () => {
  const bytes = new TextEncoder().encode('id: 1\r\ndata: ü€😀\r\n\r\nid: 2\r\ndata: y\r\n\r\n');
  const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
  expect(await read(...single)).toEqual([
    { kind: 'event', id: '1', data: 'ü€😀' },
    { kind: 'event', id: '2', data: 'y' },
  ]);
});

test('An event that was cut off is not an event', async () => {
  expect(await read('id: 1\ndata: whole\n\nid: 2\ndata: cut')).toEqual([{ kind: 'event', id: '1', data: 'whole' }]);
});

test('A very long line arrives whole', async () => {
  const part = 'x'.repeat(64_000);
  const frames = await read('data: ', ...Array.from({ length: 40 }, () => part), '\n\n');
  expect(frames).toEqual([{ kind: 'event', id: undefined, data: part.repeat(40) }]);
});
