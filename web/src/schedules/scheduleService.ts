import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/request';
import type { Job, JobPriority } from '../jobs/jobService';
import type { JobState } from '../jobs/jobState';

/** When a schedule ticks: one of the two. */
export interface ScheduleRule {
  everySeconds: number | null;
  /** Five fields, or six with seconds in front. */
  cron: string | null;
  /** IANA name; for cron only. */
  zone: string;
}

export interface ScheduledJob {
  name: string;
  arguments: unknown;
  queue: string;
  priority: JobPriority;
  maxAttempts: number;
  /** Whatever else was said about it over HTTP or in code. */
  [setting: string]: unknown;
}

export type CatchUp = 'none' | 'latest' | 'all';
export type Overlap = 'skip' | 'queue' | 'cancelOld' | 'allow';

export interface ScheduleSettings extends ScheduleRule {
  job: ScheduledJob;
  catchUp: CatchUp;
  catchUpLimit: number;
  overlap: Overlap;
  jitterSeconds: number;
  paused: boolean;
}

export interface Schedule extends ScheduleSettings {
  name: string;
  /** Null: there is none, or it is paused. */
  nextAt: string | null;
  lastTickAt: string | null;
  lastJobId: string | null;
  /** Null: there is none, or it is no longer kept. */
  lastJobState: JobState | null;
  ticks: number;
  /** Ticks let go because the job of an earlier one had not ended. */
  skipped: number;
}

export const schedulesQuery = queryOptions({
  queryKey: ['schedules'],
  queryFn: async ({ signal }) => (await request<{ schedules: Schedule[] }>('/api/v1/schedules', { signal })).schedules,
});

/** The times at which a rule would tick next, before anything is saved. */
export function previewQuery(rule: ScheduleRule, count: number) {
  return queryOptions({
    queryKey: ['schedules', 'preview', rule, count],
    queryFn: async ({ signal }) =>
      (
        await request<{ times: string[] }>('/api/v1/schedules/preview', {
          method: 'POST',
          body: { ...ruleBody(rule), count },
          signal,
        })
      ).times,
  });
}

export function putSchedule(name: string, settings: ScheduleSettings): Promise<Schedule> {
  const { job, catchUp, catchUpLimit, overlap, jitterSeconds, paused } = settings;
  return request<Schedule>(schedulePath(name), {
    method: 'PUT',
    body: { ...ruleBody(settings), job, catchUp, catchUpLimit, overlap, jitterSeconds, paused },
  });
}

export function setPaused(name: string, paused: boolean): Promise<Schedule> {
  return request<Schedule>(schedulePath(name), { method: 'PUT', body: { paused } });
}

/** Enqueues the schedule's job at once, beside its ticks. */
export function runNow(name: string): Promise<Job> {
  return request<Job>(`${schedulePath(name)}/run`, { method: 'POST' });
}

export function deleteSchedule(name: string): Promise<void> {
  return request(schedulePath(name), { method: 'DELETE' });
}

function ruleBody({ everySeconds, cron, zone }: ScheduleRule): Record<string, unknown> {
  return cron === null ? { everySeconds } : { cron, zone };
}

function schedulePath(name: string): string {
  return `/api/v1/schedules/${encodeURIComponent(name)}`;
}
