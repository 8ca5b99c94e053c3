import { Link } from 'react-router';
import { DataTable } from '../ui/DataTable';
import { formatCount, formatId } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';
import { JobBadge } from './JobBadge';
import { jobLink, type Job } from './jobService';

const shownOfArguments = 120;

export function JobTable({ jobs }: { jobs: readonly Job[] }) {
  return (
    <DataTable
      caption="Jobs, the newest first"
      rows={jobs}
      rowKey={(job) => job.id}
      columns={[
        {
          header: 'Job',
          cell: (job) => (
            <>
              <Link to={jobLink(job.id)} className="row-name plain-link">
                {job.name} <span className="job-id">#{formatId(job.id)}</span>
              </Link>
              <span className="row-detail job-arguments" dir="auto">
                {shorten(JSON.stringify(job.arguments))}
              </span>
            </>
          ),
        },
        {
          header: 'State',
          cell: (job) => (
            <span className="job-state">
              <JobBadge state={job.state} stopping={job.cancelRequested} />
              {job.state === 'running' && job.progress !== null && (
                <span className="job-percent">{Math.floor(job.progress * 100)} %</span>
              )}
            </span>
          ),
        },
        { header: 'Queue', cell: (job) => <span className="job-queue">{job.queue}</span> },
        {
          header: 'Attempt',
          numeric: true,
          cell: (job) => (
            <span>
              {formatCount(job.attempt)} <span className="quiet">of {formatCount(job.maxAttempts)}</span>
            </span>
          ),
        },
        { header: 'Enqueued', cell: (job) => <TimeAgo time={job.enqueuedAt} /> },
        { header: 'When', cell: (job) => <LastEvent job={job} /> },
      ]}
      below={(job) =>
        job.error === null ? null : (
          <p className={job.state === 'failed' ? 'job-error job-error-final' : 'job-error'}>
            {shorten(job.error.split('\n', 1)[0] ?? '')}
          </p>
        )
      }
    />
  );
}

/** What happened to it last, or happens next. */
function LastEvent({ job }: { job: Job }) {
  if (job.endedAt !== null) {
    return (
      <span>
        ended <TimeAgo time={job.endedAt} />
      </span>
    );
  }
  if (job.state === 'running') {
    return (
      <span>
        started <TimeAgo time={job.startedAt} never="just now" />
      </span>
    );
  }
  if (job.state === 'blocked') return <span className="quiet">after other jobs</span>;
  return (
    <span>
      due <TimeAgo time={job.dueAt} />
    </span>
  );
}

function shorten(text: string): string {
  return text.length > shownOfArguments ? `${text.slice(0, shownOfArguments)}…` : text;
}
