import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { Problem } from '../api/problem';
import { jobQuery, type Job } from './jobService';
import { hasEnded } from './jobState';

/** A job, read again every second until it has ended, or is not there any more. */
export function useJob(id: string): UseQueryResult<Job> {
  return useQuery({
    ...jobQuery(id),
    refetchInterval: ({ state }) => {
      if (isGone(state.error)) return false;
      return state.data !== undefined && hasEnded(state.data.state) ? false : 1000;
    },
  });
}

/** Whether it never was, or is no longer kept. */
export function isGone(error: unknown): error is Problem {
  return error instanceof Problem && (error.status === 404 || error.status === 410);
}
