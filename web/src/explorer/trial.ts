import { session } from '../session/session';
import type { Operation } from './openapi';

/** What a person filled in to try an operation. */
export interface TrialInput {
  /** By the parameter's place and name: `query:limit`. */
  values: Readonly<Record<string, string>>;
  bodyType: string | null;
  body: string;
}

export interface TrialAnswer {
  status: number;
  statusText: string;
  milliseconds: number;
  headers: [string, string][];
  body: string;
  /** The answer went on after what is shown. */
  cut: boolean;
}

/** Enough to see what comes; an event stream has no end. */
const bodyCharacters = 200_000;
const readMilliseconds = 10_000;

export function trialUrl(operation: Operation, { values }: TrialInput): string {
  const path = operation.path.replace(/\{([^}]+)\}/g, (_whole, name: string) =>
    encodeURIComponent(values[`path:${name.replace(/[?*:].*$/, '')}`] ?? ''),
  );
  const query = new URLSearchParams();
  for (const parameter of operation.parameters) {
    const value = values[`query:${parameter.name}`];
    if (parameter.in === 'query' && value !== undefined && value !== '') query.append(parameter.name, value);
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

export function trialHeaders(operation: Operation, input: TrialInput): [string, string][] {
  const headers: [string, string][] = [];
  for (const parameter of operation.parameters) {
    const value = input.values[`header:${parameter.name}`];
    if (parameter.in === 'header' && value !== undefined && value !== '') headers.push([parameter.name, value]);
  }
  if (input.bodyType !== null) headers.push(['Content-Type', input.bodyType]);
  return headers;
}

/** The same request for a shell. The token is left out: it would end up in histories and chats. */
export function trialCommand(operation: Operation, input: TrialInput): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const parts = [`curl -X ${operation.method} ${quote(window.location.origin + trialUrl(operation, input))}`];
  if (session.token() !== null) parts.push('-H "Authorization: Bearer $DATABUS_TOKEN"');
  for (const [name, value] of trialHeaders(operation, input)) parts.push(`-H ${quote(`${name}: ${value}`)}`);
  if (input.bodyType !== null) parts.push(`--data-binary ${quote(input.body)}`);
  return parts.join(' \\\n  ');
}

/** Sends the request as it is filled in. Unlike the rest of the dashboard, an error answer is an answer here. */
export async function tryOperation(operation: Operation, input: TrialInput): Promise<TrialAnswer> {
  const headers = new Headers(trialHeaders(operation, input));
  const token = session.token();
  if (token !== null) headers.set('Authorization', `Bearer ${token}`);
  const startedAt = performance.now();
  const response = await fetch(trialUrl(operation, input), {
    method: operation.method,
    headers,
    body: input.bodyType === null ? null : input.body,
    cache: 'no-store',
  });
  const milliseconds = Math.round(performance.now() - startedAt);
  const { text, cut } = await readSome(response);
  return {
    status: response.status,
    statusText: response.statusText,
    milliseconds,
    headers: [...response.headers],
    body: formatted(text, response.headers.get('Content-Type') ?? '', cut),
    cut,
  };
}

async function readSome(response: Response): Promise<{ text: string; cut: boolean }> {
  if (!response.body) return { text: '', cut: false };
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let cut = false;
  const timer = setTimeout(() => {
    cut = true;
    void reader.cancel();
  }, readMilliseconds);
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    if (text.length > bodyCharacters) {
      cut = true;
      void reader.cancel();
      break;
    }
  }
  clearTimeout(timer);
  return { text: text.slice(0, bodyCharacters), cut };
}

function formatted(text: string, type: string, cut: boolean): string {
  if (cut || !type.includes('json')) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
