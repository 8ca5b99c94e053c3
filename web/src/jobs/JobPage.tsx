import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { Empty } from '../ui/Empty';
import { formatId } from '../ui/format';
import { Page } from '../ui/Page';
import { Queried } from '../ui/Queried';
import { DeleteJobDialog } from './DeleteJobDialog';
import { JobBadge } from './JobBadge';
import { JobButtons } from './JobButtons';
import { JobFacts } from './JobFacts';
import { JobLog } from './JobLog';
import { JobOutcome } from './JobOutcome';
import { JobProgress } from './JobProgress';
import { JobValue } from './JobValue';
import { jobsLink } from './jobService';
import { isGone, useJob } from './useJob';

export function JobPage() {
  const { job: id = '' } = useParams();
  const job = useJob(id);
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const { data } = job;

  return (
    <Page
      title={data === undefined ? `Job #${formatId(id)}` : `${data.name} #${formatId(id)}`}
      above={<Link to="/jobs">Jobs</Link>}
      summary={
        data && (
          <span className="dotted">
            <JobBadge state={data.state} stopping={data.cancelRequested} />
            <span>
              in queue <Link to={jobsLink({ queue: data.queue })}>{data.queue}</Link>
            </span>
            {data.priority !== 'normal' && <span>{data.priority} priority</span>}
          </span>
        )
      }
      actions={data && <JobButtons job={data} onDelete={() => setDeleting(true)} />}
    >
      {isGone(job.error) ? (
        <Empty title={job.error.message}>
          <Link to="/jobs">Show all jobs</Link>
        </Empty>
      ) : (
        <Queried query={job} what="the job">
          {(known) => (
            <>
              <JobProgress job={known} />
              <JobFacts job={known} />
              <JobOutcome job={known} />
              <JobValue title="Arguments" value={known.arguments} />
              <JobLog job={known} />
            </>
          )}
        </Queried>
      )}
      {deleting && data && (
        <DeleteJobDialog job={data} onClose={() => setDeleting(false)} onDeleted={() => void navigate('/jobs')} />
      )}
    </Page>
  );
}
