import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/request';
import { jobsLink } from '../jobs/jobService';

export type SourceState = 'waiting' | 'polling' | 'failing' | 'paused' | 'gone' | 'listening';

export interface Source {
  name: string;
  kind: string;
  topic: string;
  url: string;
  intervalSeconds: number;
  paused: boolean;
  state: SourceState;
  lastPolledAt: string | null;
  nextPollAt: string | null;
  /** A short sentence: "added 3 of 30", "not modified". */
  lastOutcome: string | null;
  error: string | null;
  /** Failures since the last success. */
  failures: number;
  itemsAdded: number;
  createdAt: string;
}

export interface SourceSettings {
  kind: string;
  url: string;
  topic?: string;
  intervalSeconds?: number;
  paused?: boolean;
}

export const sourcesQuery = queryOptions({
  queryKey: ['sources'],
  queryFn: async ({ signal }) => (await request<{ sources: Source[] }>('/api/v1/sources', { signal })).sources,
});

export function putSource(name: string, settings: SourceSettings): Promise<Source> {
  return request<Source>(sourcePath(name), { method: 'PUT', body: settings });
}

export function setPaused(source: Source, paused: boolean): Promise<Source> {
  return putSource(source.name, {
    kind: source.kind,
    url: source.url,
    topic: source.topic,
    intervalSeconds: source.intervalSeconds,
    paused,
  });
}

/** Asks for a poll as soon as possible; its outcome shows in the source later. */
/** The list of a source's polls, which are jobs. */
export function pollsLink(name: string): string {
  return jobsLink({ queue: 'sources', q: `"source":"${name}"` });
}

export function pollNow(name: string): Promise<void> {
  return request(`${sourcePath(name)}/poll`, { method: 'POST' });
}

export function deleteSource(name: string): Promise<void> {
  return request(sourcePath(name), { method: 'DELETE' });
}

function sourcePath(name: string): string {
  return `/api/v1/sources/${encodeURIComponent(name)}`;
}
