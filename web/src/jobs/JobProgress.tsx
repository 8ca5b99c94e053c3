import type { Job } from './jobService';

/** How far a running job is and what it is doing, as far as it says so. */
export function JobProgress({ job }: { job: Job }) {
  if (job.state !== 'running' || (job.progress === null && job.message === null)) return null;
  const percent = job.progress === null ? null : Math.floor(job.progress * 100);
  return (
    <div className="job-progress">
      <p className="job-progress-text">
        <span role="status">{job.message ?? 'Running'}</span>
        {percent !== null && <span className="job-percent">{percent} %</span>}
      </p>
      {percent !== null && <progress className="progress" value={percent} max={100} aria-label="Progress" />}
    </div>
  );
}
