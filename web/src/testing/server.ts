import { vi } from 'vitest';

/** A request as the stub saw it. */
export interface SeenRequest {
  method: string;
  url: URL;
  headers: Headers;
  body: unknown;
  signal: AbortSignal | undefined;
}

type Answer = Response | Promise<Response>;

/**
 * Stands in for the server: answers requests by "METHOD /path", the query left out.
 * A route that is not given answers 404, as the server does.
 */
export function stubServer(routes: Record<string, (request: SeenRequest) => Answer>): SeenRequest[] {
  const seen: SeenRequest[] = [];
  vi.stubGlobal('fetch', async (input: string, init: RequestInit = {}) => {
    const request: SeenRequest = {
      method: init.method ?? 'GET',
      url: new URL(input, 'http://databus.test'),
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined,
      signal: init.signal ?? undefined,
    };
    seen.push(request);
    init.signal?.throwIfAborted();
    const route = routes[`${request.method} ${request.url.pathname}`];
    return route ? route(request) : problem(404, 'There is nothing here.');
  });
  return seen;
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
}

export function problem(status: number, error: string, more: Record<string, unknown> = {}): Response {
  return new Response(JSON.stringify({ type: 'urn:databus:problem:test', title: 'Refused', status, error, ...more }), {
    status,
    headers: { 'Content-Type': 'application/problem+json' },
  });
}

/** An event stream that a test writes to. */
export class StubStream {
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  readonly response = new Response(
    new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
    }),
    { headers: { 'Content-Type': 'text/event-stream' } },
  );

  write(text: string): void {
    this.#controller?.enqueue(new TextEncoder().encode(text));
  }

  item(item: { id: string }): void {
    this.write(`id: ${item.id}\ndata: ${JSON.stringify(item)}\n\n`);
  }

  close(): void {
    this.#controller?.close();
  }

  /** Breaks when the request is given up, as the browser's does. */
  until(signal: AbortSignal | undefined): this {
    signal?.addEventListener('abort', () => this.#controller?.error(signal.reason));
    return this;
  }
}
