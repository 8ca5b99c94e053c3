import { liveStates, type JobState } from '../jobs/jobState';
import type { Queue } from './queueService';

/** Of the polls of sources, which lists of jobs leave out unless they are asked for. */
export const pollQueue = 'sources';

/** Those whose jobs a list shows: of one queue, or of all but the polls. */
export function listedQueues(queues: readonly Queue[], queue: string | null): readonly Queue[] {
  return queues.filter((each) => (queue === null ? each.name !== pollQueue : each.name === queue));
}

/** How many jobs stand in each state that is not an end, over all these queues. */
export function addUpCounts(queues: readonly Queue[]): ReadonlyMap<JobState, number> {
  return new Map(liveStates.map((state) => [state, queues.reduce((sum, queue) => sum + queue.counts[state], 0)]));
}
