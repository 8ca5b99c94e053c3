import { Link } from 'react-router';
import { JobBadge } from '../jobs/JobBadge';
import { JobOutcome } from '../jobs/JobOutcome';
import { JobProgress } from '../jobs/JobProgress';
import { jobLink, type Job } from '../jobs/jobService';
import { hasEnded } from '../jobs/jobState';
import { isGone, useJob } from '../jobs/useJob';
import { Empty } from '../ui/Empty';
import { formatId } from '../ui/format';
import { Panel } from '../ui/Panel';
import { Queried } from '../ui/Queried';
import { addressOf } from './wordCountService';

/** One count from its start to its chart. */
export function CountRun({ id }: { id: string }) {
  const job = useJob(id);
  if (isGone(job.error)) return <Empty title={job.error.message} />;
  return (
    <Queried query={job} what="the count">
      {(known) => (
        <>
          {known.state !== 'succeeded' && (
            <Panel title={addressOf(known)} aside={<JobBadge state={known.state} stopping={known.cancelRequested} />}>
              <div className="stack">
                <Standing job={known} />
                <p>
                  <Link to={jobLink(known.id)}>Job #{formatId(known.id)}</Link>
                </p>
              </div>
            </Panel>
          )}
          <JobOutcome job={known} />
        </>
      )}
    </Queried>
  );
}

function Standing({ job }: { job: Job }) {
  if (job.state === 'running') return <JobProgress job={job} />;
  if (hasEnded(job.state)) return null;
  return (
    <p role="status">{job.state === 'delayed' ? 'It is tried again soon.' : 'It starts when a worker is free.'}</p>
  );
}
