import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/request';
import { filterBody, filterParams, matchesEveryJob, type JobFilter } from './jobFilter';
import type { JobState } from './jobState';

export type JobPriority = 'low' | 'normal' | 'high';

export interface Job {
  id: string;
  name: string;
  queue: string;
  priority: JobPriority;
  state: JobState;
  arguments: unknown;
  /** How often it was started. */
  attempt: number;
  maxAttempts: number;
  enqueuedAt: string;
  dueAt: string;
  startedAt: string | null;
  endedAt: string | null;
  /** Who runs it, or ran it last. */
  owner: string | null;
  /** Of a success; null: it returned nothing. */
  result: unknown;
  error: string | null;
  /** From 0 to 1; null: it has said nothing. */
  progress: number | null;
  message: string | null;
  cancelRequested: boolean;
}

export interface JobPage {
  /** The newest first. */
  jobs: Job[];
  /** The next page goes below this id; null: that was all. */
  scannedTo: string | null;
}

export interface JobLogLine {
  at: string;
  attempt: number;
  level: 'trace' | 'debug' | 'info' | 'warning' | 'error' | 'critical';
  text: string;
}

/** What can be done to every job that a filter matches. */
export type BulkVerb = 'retry' | 'cancel' | 'delete';

/** One step of a change to many jobs. */
export interface BulkStep {
  changed: number;
  /** The next step goes below this id; null: done. */
  scannedTo: string | null;
}

/** Begins the keys of everything that is read about jobs. */
export const jobsKey = ['jobs'] as const;

/** How many answers one page is put together from at most: a rare match may be far down. */
const stepsAtMost = 5;

export function jobsQuery(filter: JobFilter, before: string | null, limit: number) {
  return queryOptions({
    queryKey: [...jobsKey, 'list', filterParams(filter), before, limit],
    queryFn: ({ signal }) => readJobs(filter, before, limit, signal),
  });
}

export function jobQuery(id: string) {
  return queryOptions({
    queryKey: [...jobsKey, 'one', id],
    queryFn: ({ signal }) => request<Job>(jobPath(id), { signal }),
  });
}

/** @param upTo Whatever makes it worth reading again: the log of a job that ended grows no more. */
export function jobLogQuery(id: string, upTo: string) {
  return queryOptions({
    queryKey: [...jobsKey, 'log', id, upTo],
    queryFn: async ({ signal }) => (await request<{ lines: JobLogLine[] }>(`${jobPath(id)}/log`, { signal })).lines,
  });
}

export function enqueueJob(name: string, args: unknown): Promise<Job> {
  return request<Job>(`/api/v1/jobs/${encodeURIComponent(name)}`, { method: 'POST', body: args });
}

export function cancelJob(id: string): Promise<Job> {
  return request<Job>(`${jobPath(id)}/cancel`, { method: 'POST' });
}

export function retryJob(id: string): Promise<Job> {
  return request<Job>(`${jobPath(id)}/retry`, { method: 'POST' });
}

export function deleteJob(id: string): Promise<void> {
  return request(jobPath(id), { method: 'DELETE' });
}

/** Changes what the filter matches below an id (null: from the newest), for as long as one answer may take. */
export function changeJobs(verb: BulkVerb, filter: JobFilter, before: string | null): Promise<BulkStep> {
  return request<BulkStep>(`/api/v1/jobs/bulk/${verb}`, {
    method: 'POST',
    body: {
      filter: filterBody(filter),
      ...(before === null ? {} : { before }),
      // A filter that is empty by mistake changes nothing.
      ...(matchesEveryJob(filter) ? { all: true } : {}),
    },
  });
}

/** The page of a job. */
export function jobLink(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`;
}

/** The list of the jobs that a filter matches. */
export function jobsLink(filter: { queue?: string; state?: JobState; name?: string; q?: string }): string {
  return `/jobs?${new URLSearchParams(filter).toString()}`;
}

/** One answer looks at a bounded number of jobs. A page goes on until it is full, or that is enough for once. */
async function readJobs(
  filter: JobFilter,
  before: string | null,
  limit: number,
  signal: AbortSignal,
): Promise<JobPage> {
  const found: Job[] = [];
  let from: string | null = before;
  for (let step = 0; step < stepsAtMost; step++) {
    const page: JobPage = await request<JobPage>('/api/v1/jobs', {
      query: { ...filterParams(filter), before: from ?? undefined, limit: limit - found.length },
      signal,
    });
    found.push(...page.jobs);
    from = page.scannedTo;
    if (from === null || found.length >= limit) break;
  }
  return { jobs: found, scannedTo: from };
}

function jobPath(id: string): string {
  return `/api/v1/jobs/${encodeURIComponent(id)}`;
}
