/** A frame of an event stream that carries something. Comments come as `comment`: they prove life. */
export type EventFrame =
  | { kind: 'event'; id: string | undefined; data: string }
  | { kind: 'retry'; milliseconds: number }
  | { kind: 'comment' };

/**
 * Reads `text/event-stream` (HTML standard, 9.2) off a response's body.
 *
 * The browser's own EventSource cannot send an Authorization header and gives up for good
 * on any answer but 200. An id without data is not reported: the server opens with its newest
 * id, which lies beyond items that are still to come.
 */
export async function* readEventStream(body: ReadableStream<Uint8Array>): AsyncGenerator<EventFrame, void, undefined> {
  let data: string[] = [];
  let id: string | undefined;
  for await (const line of readLines(body)) {
    if (line === '') {
      if (data.length > 0) yield { kind: 'event', id, data: data.join('\n') };
      data = [];
      id = undefined;
      continue;
    }
    if (line.startsWith(':')) {
      yield { kind: 'comment' };
      continue;
    }
    const [field, value] = splitField(line);
    if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) yield { kind: 'retry', milliseconds: Number(value) };
  }
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  const start = line[colon + 1] === ' ' ? colon + 2 : colon + 1;
  return [line.slice(0, colon), line.slice(start)];
}

/** Splits at LF, CRLF or CR. What follows the last line end is an unfinished line and is dropped. */
async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  // A long line comes in many chunks: they are kept apart until its end, so that it is not scanned again.
  let begun: string[] = [];
  let afterCr = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      let text = decoder.decode(value, { stream: true });
      if (afterCr && text.startsWith('\n')) text = text.slice(1);
      if (text === '') continue;
      afterCr = text.endsWith('\r');
      const lines = text.split(/\r\n|\n|\r/);
      const last = lines.pop() ?? '';
      for (const line of lines) {
        begun.push(line);
        yield begun.join('');
        begun = [];
      }
      if (last !== '') begun.push(last);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
