import { parseWordCount } from '../words/wordCount';
import { WordCountResult } from '../words/WordCountResult';
import { JobValue } from './JobValue';
import { hasEnded } from './jobState';
import type { Job } from './jobService';

/** What came of a job: its result or its error. Before its end: the error of the last attempt. */
export function JobOutcome({ job }: { job: Job }) {
  return (
    <>
      {job.error !== null && (
        <div className={job.state === 'failed' ? 'notice notice-bad' : 'notice notice-warn'}>
          <p className={job.state === 'failed' ? 'notice-title' : undefined}>
            {hasEnded(job.state) ? 'Why it ended' : 'Why the last attempt failed'}
          </p>
          {job.error.includes('\n') ? (
            <pre className="error-text" dir="auto">
              {job.error}
            </pre>
          ) : (
            <p dir="auto">{job.error}</p>
          )}
        </div>
      )}
      {job.state === 'succeeded' && <JobResult job={job} />}
    </>
  );
}

function JobResult({ job }: { job: Job }) {
  const words = job.name === 'word-count' ? parseWordCount(job.result) : null;
  if (words !== null) return <WordCountResult words={words} />;
  if (job.result === null) return null;
  return <JobValue title="Result" value={job.result} />;
}
