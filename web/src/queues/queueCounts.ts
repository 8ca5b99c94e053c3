import { liveStates, type JobState } from '../jobs/jobState';
import type { Queue } from './queueService';

/** How many jobs stand in each state that is not an end, over all these queues. */
export function addUpCounts(queues: readonly Queue[]): ReadonlyMap<JobState, number> {
  return new Map(liveStates.map((state) => [state, queues.reduce((sum, queue) => sum + queue.counts[state], 0)]));
}
