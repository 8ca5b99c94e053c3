import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/request';
import type { LiveState } from '../jobs/jobState';

/** What all jobs of a queue may do together, over all nodes; 0: any number. */
export interface QueueLimit {
  maxRunning: number;
  maxStarts: number;
  /** The time in which at most `maxStarts` of them start; null: they are not limited. */
  perSeconds: number | null;
}

export interface Queue {
  name: string;
  paused: boolean;
  /** Of the jobs that have not ended. */
  counts: Record<LiveState, number>;
  /** Since when the oldest waiting job waits. */
  oldestDueAt: string | null;
  endedLastMinute: number;
  /** From due to start, of those that ended in the last minute; null: there were none. */
  meanWaitSeconds: number | null;
  limit: QueueLimit | null;
}

export const queuesQuery = queryOptions({
  queryKey: ['queues'],
  queryFn: async ({ signal }) => (await request<{ queues: Queue[] }>('/api/v1/queues', { signal })).queues,
});

export function setPaused(name: string, paused: boolean): Promise<Queue> {
  return request<Queue>(queuePath(name), { method: 'PUT', body: { paused } });
}

export function setLimit(name: string, { maxRunning, maxStarts, perSeconds }: QueueLimit): Promise<Queue> {
  return request<Queue>(queuePath(name), {
    method: 'PUT',
    body: { maxRunning, maxStarts, ...(perSeconds === null ? {} : { perSeconds }) },
  });
}

function queuePath(name: string): string {
  return `/api/v1/queues/${encodeURIComponent(name)}`;
}
