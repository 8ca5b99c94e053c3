import { session } from '../session/session';
import { parseExactJson } from './exactJson';
import { Problem } from './problem';
import { reachability } from './reachability';

interface RequestOptions {
  method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Sent as JSON. */
  body?: unknown;
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal | undefined;
}

/** Sends a request and reads the answer as JSON. Throws `Problem` for everything that is not a success. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const headers = new Headers({ Accept: 'application/json' });
  if (options.body !== undefined) headers.set('Content-Type', 'application/json');
  const response = await send(path + queryString(options.query), {
    method: options.method ?? 'GET',
    headers,
    body: options.body === undefined ? null : JSON.stringify(options.body),
    signal: options.signal ?? null,
  });
  const text = await readText(response);
  return (text === '' ? undefined : parseExactJson(text)) as T;
}

/**
 * `fetch` with the session's token. Answers only successes; notes whether the server
 * can be reached at all and whether it wants another token.
 */
export async function send(url: string, init: RequestInit & { headers: Headers }): Promise<Response> {
  const token = session.token();
  if (token !== null) init.headers.set('Authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(url, { cache: 'no-store', ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    reachability.failed();
    throw Problem.unreachable();
  }
  // A development proxy, or one in front of the server, answers these in its place.
  if (response.status === 502 || response.status === 504) reachability.failed();
  else reachability.succeeded();
  if (response.ok) return response;
  const problem = await Problem.fromResponse(response);
  if (response.status === 401) session.refused(token);
  throw problem;
}

async function readText(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw Problem.unreachable();
  }
}

function queryString(query: RequestOptions['query']): string {
  if (query === undefined) return '';
  const pairs = Object.entries(query).filter((pair): pair is [string, string | number] => pair[1] !== undefined);
  if (pairs.length === 0) return '';
  return `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString()}`;
}
