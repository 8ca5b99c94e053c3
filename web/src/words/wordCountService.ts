import { everyJob } from '../jobs/jobFilter';
import { enqueueJob, jobsQuery, type Job } from '../jobs/jobService';

/** The name of the job that counts the words of a page. */
export const wordCountJob = 'word-count';

const recentShown = 10;
const wordsWanted = 50;

export function countWords(url: string): Promise<Job> {
  return enqueueJob(wordCountJob, { url, top: wordsWanted });
}

/** The last counts, whatever became of them. */
export const recentCountsQuery = jobsQuery({ ...everyJob, name: wordCountJob }, null, recentShown);

/** The address that a job was given. */
export function addressOf(job: Job): string {
  const given = job.arguments;
  return typeof given === 'object' && given !== null && 'url' in given && typeof given.url === 'string'
    ? given.url
    : 'no address';
}
