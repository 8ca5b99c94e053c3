import { Link } from 'react-router';
import { jobsLink } from '../jobs/jobService';
import type { LiveState } from '../jobs/jobState';
import { Badge } from '../ui/Badge';
import { DataTable } from '../ui/DataTable';
import { formatCount, formatSpan } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';
import { describeLimit } from './describeLimit';
import { QueueButtons } from './QueueButtons';
import type { Queue } from './queueService';

interface QueueTableProps {
  queues: readonly Queue[];
  onEditLimit: (queue: Queue) => void;
}

export function QueueTable({ queues, onEditLimit }: QueueTableProps) {
  return (
    <DataTable
      caption="Queues"
      rows={queues}
      rowKey={(queue) => queue.name}
      columns={[
        {
          header: 'Queue',
          cell: (queue) => (
            <>
              <span className="queue-name">
                <Link to={jobsLink({ queue: queue.name })} className="row-name plain-link">
                  {queue.name}
                </Link>
                {queue.paused && <Badge tone="warn">paused</Badge>}
              </span>
              <span className="row-detail">{describeLimit(queue.limit)}</span>
            </>
          ),
        },
        { header: 'Waiting', numeric: true, cell: (queue) => <Count queue={queue} state="waiting" /> },
        { header: 'Running', numeric: true, cell: (queue) => <Count queue={queue} state="running" /> },
        { header: 'Not ready', cell: (queue) => <NotReady queue={queue} /> },
        { header: 'Ended a minute', numeric: true, cell: (queue) => formatCount(queue.endedLastMinute) },
        {
          header: 'Mean wait',
          numeric: true,
          cell: (queue) =>
            queue.meanWaitSeconds === null ? (
              <span className="quiet">–</span>
            ) : (
              formatSpan(queue.meanWaitSeconds * 1000)
            ),
        },
        { header: 'Oldest waiting', cell: (queue) => <TimeAgo time={queue.oldestDueAt} never="none" /> },
        {
          header: 'Actions',
          actions: true,
          cell: (queue) => <QueueButtons queue={queue} onEditLimit={() => onEditLimit(queue)} />,
        },
      ]}
    />
  );
}

/** Those that something keeps from starting: their time, a limit, other jobs. */
function NotReady({ queue }: { queue: Queue }) {
  const states = (['delayed', 'held', 'blocked'] as const).filter((state) => queue.counts[state] > 0);
  if (states.length === 0) return <span className="quiet">none</span>;
  return (
    <ul>
      {states.map((state) => (
        <li key={state}>
          <Count queue={queue} state={state} named />
        </li>
      ))}
    </ul>
  );
}

interface CountProps {
  queue: Queue;
  state: LiveState;
  /** Says the state beside the number. */
  named?: boolean;
}

function Count({ queue, state, named = false }: CountProps) {
  const count = queue.counts[state];
  if (count === 0) return <span className="quiet">0</span>;
  return (
    <Link
      to={jobsLink({ queue: queue.name, state })}
      className="plain-link nowrap"
      aria-label={`${formatCount(count)} ${state} in ${queue.name}`}
    >
      {formatCount(count)}
      {named && ` ${state}`}
    </Link>
  );
}
