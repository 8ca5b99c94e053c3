import { formatDuration, formatTime } from '../ui/format';
import { isJobState, type JobState } from './jobState';

/** Which jobs; what is null, or an empty list, does not matter. */
export interface JobFilter {
  states: readonly JobState[];
  queue: string | null;
  name: string | null;
  /** Text in the arguments. */
  q: string | null;
  enqueuedAfter: string | null;
  enqueuedBefore: string | null;
  /** From the enqueuing to the end, or until now. */
  olderThanSeconds: number | null;
}

export const everyJob: JobFilter = {
  states: [],
  queue: null,
  name: null,
  q: null,
  enqueuedAfter: null,
  enqueuedBefore: null,
  olderThanSeconds: null,
};

/** The filter that an address names. What it says wrongly is as if it were not said. */
export function parseFilter(params: URLSearchParams): JobFilter {
  return {
    states: (params.get('state') ?? '').split(',').filter(isJobState),
    queue: textOf(params, 'queue'),
    name: textOf(params, 'name'),
    q: textOf(params, 'q'),
    enqueuedAfter: timeOf(params, 'enqueuedAfter'),
    enqueuedBefore: timeOf(params, 'enqueuedBefore'),
    olderThanSeconds: secondsOf(params, 'olderThanSeconds'),
  };
}

/** The filter as an address, and as the query of a list, say it: what does not matter is left out. */
export function filterParams(filter: JobFilter): Record<string, string> {
  const { states, ...others } = filter;
  const said: Record<string, string> = {};
  if (states.length > 0) said.state = states.join(',');
  for (const [name, value] of Object.entries<string | number | null>(others)) {
    if (value !== null) said[name] = String(value);
  }
  return said;
}

/** The filter as the body of a change to many jobs says it. */
export function filterBody(filter: JobFilter): Record<string, unknown> {
  const { states, ...others } = filter;
  return {
    ...(states.length > 0 ? { states } : {}),
    ...Object.fromEntries(Object.entries(others).filter(([, value]) => value !== null)),
  };
}

export function matchesEveryJob(filter: JobFilter): boolean {
  return Object.keys(filterParams(filter)).length === 0;
}

/** In words that go on a sentence: "failed or expired jobs named report in queue mail". */
export function describeFilter(filter: JobFilter): string {
  if (matchesEveryJob(filter)) return 'all jobs but the polls of sources, whatever their state';
  const words = [filter.states.length > 0 ? `${listWords(filter.states)} jobs` : 'jobs in any state'];
  if (filter.name !== null) words.push(`named ${filter.name}`);
  if (filter.queue !== null) words.push(`in queue ${filter.queue}`);
  if (filter.q !== null) words.push(`with “${filter.q}” in their arguments`);
  if (filter.enqueuedAfter !== null) words.push(`enqueued after ${formatTime(filter.enqueuedAfter)}`);
  if (filter.enqueuedBefore !== null) words.push(`enqueued before ${formatTime(filter.enqueuedBefore)}`);
  if (filter.olderThanSeconds !== null) words.push(`older than ${formatDuration(filter.olderThanSeconds)}`);
  return words.join(' ');
}

function listWords(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}

function textOf(params: URLSearchParams, name: string): string | null {
  const text = params.get(name)?.trim() ?? '';
  return text === '' ? null : text;
}

function timeOf(params: URLSearchParams, name: string): string | null {
  const time = Date.parse(params.get(name) ?? '');
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

function secondsOf(params: URLSearchParams, name: string): number | null {
  const seconds = Number(params.get(name) ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}
