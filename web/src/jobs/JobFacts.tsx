import { useQuery } from '@tanstack/react-query';
import { nodesQuery } from '../nodes/nodeService';
import { useNow } from '../ui/clock';
import { formatCount, formatSpan, formatTime } from '../ui/format';
import { Panel } from '../ui/Panel';
import { TimeAgo } from '../ui/TimeAgo';
import type { Job } from './jobService';

export function JobFacts({ job }: { job: Job }) {
  return (
    <Panel title="Times">
      <dl className="facts facts-times">
        <Moment label="Enqueued" time={job.enqueuedAt} />
        <Moment label="Due" time={job.dueAt} />
        <Moment label="Started" time={job.startedAt} />
        <Moment label="Ended" time={job.endedAt} />
        <div>
          <dt>Attempts</dt>
          <dd>
            {formatCount(job.attempt)} <span className="quiet">of {formatCount(job.maxAttempts)}</span>
          </dd>
        </div>
        <RunTime job={job} />
        <Owner job={job} />
      </dl>
    </Panel>
  );
}

/** Who runs it, or ran it last: a node by the name that people know it by, or a worker by the name it gave. */
function Owner({ job }: { job: Job }) {
  const nodes = useQuery(nodesQuery);
  const node = nodes.data?.find((each) => each.id === job.owner);
  return (
    <div>
      <dt>{job.state === 'running' ? 'Runs on' : 'Ran last on'}</dt>
      <dd className="fact-long">{node?.name ?? job.owner ?? <span className="quiet">none yet</span>}</dd>
    </div>
  );
}

function Moment({ label, time }: { label: string; time: string | null }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <TimeAgo time={time} never="not yet" />
        {time !== null && <span className="fact-more">{formatTime(time)}</span>}
      </dd>
    </div>
  );
}

/** How long the last attempt ran, or has run until now. */
function RunTime({ job }: { job: Job }) {
  const now = useNow();
  if (job.startedAt === null || (job.endedAt === null && job.state !== 'running')) return null;
  const end = job.endedAt === null ? now : Date.parse(job.endedAt);
  return (
    <div>
      <dt>{job.endedAt === null ? 'Runs for' : 'Ran for'}</dt>
      <dd>{formatSpan(end - Date.parse(job.startedAt))}</dd>
    </div>
  );
}
