import type { Tone } from '../ui/Badge';

/** Those of jobs that have not ended, in the order in which a job may pass through them. */
export const liveStates = ['waiting', 'delayed', 'held', 'blocked', 'running'] as const;
export const endStates = ['succeeded', 'failed', 'cancelled', 'expired'] as const;
export const jobStates = [...liveStates, ...endStates] as const;

export type JobState = (typeof jobStates)[number];
export type LiveState = (typeof liveStates)[number];

export const jobTones: Record<JobState, Tone> = {
  waiting: 'info',
  delayed: 'neutral',
  held: 'warn',
  blocked: 'neutral',
  running: 'info',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'neutral',
  expired: 'warn',
};

/** What a state means, where its name alone does not say it. */
export const jobStateMeanings: Record<JobState, string> = {
  waiting: 'May be started now.',
  delayed: 'Becomes due later, or is tried again after a failure.',
  held: 'Due, but its limit lets no more of its kind run.',
  blocked: 'Waits for other jobs to end.',
  running: 'A worker has it.',
  succeeded: 'Done; its result is kept.',
  failed: 'Gave up; its error is kept.',
  cancelled: 'Was cancelled.',
  expired: 'Was not started in time.',
};

export function isJobState(text: string): text is JobState {
  return (jobStates as readonly string[]).includes(text);
}

export function hasEnded(state: JobState): boolean {
  return (endStates as readonly string[]).includes(state);
}

/** Whether it ended in a way that it can be started again from. */
export function isRetryable(state: JobState): boolean {
  return state === 'failed' || state === 'cancelled' || state === 'expired';
}
