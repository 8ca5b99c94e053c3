import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import { JobBadge } from '../jobs/JobBadge';
import { jobLink, jobsLink, jobsKey } from '../jobs/jobService';
import { announce } from '../ui/announce';
import { Badge } from '../ui/Badge';
import { ErrorNotice } from '../ui/ErrorNotice';
import { formatCount, formatId } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';
import { describeRule } from './describeRule';
import { runNow, schedulesQuery, setPaused, type Schedule } from './scheduleService';

interface ScheduleCardProps {
  schedule: Schedule;
  onEdit: () => void;
  onDelete: () => void;
}

export function ScheduleCard({ schedule, onEdit, onDelete }: ScheduleCardProps) {
  const { name, paused, job } = schedule;
  const rule = describeRule(schedule);
  const queries = useQueryClient();
  const renew = () => queries.invalidateQueries({ queryKey: schedulesQuery.queryKey });
  const pause = useMutation({
    mutationFn: () => setPaused(name, !paused),
    onSuccess: () => {
      announce(`${name} ${paused ? 'goes on' : 'is paused'}.`);
      return renew();
    },
  });
  const run = useMutation({
    mutationFn: () => runNow(name),
    onSuccess: async (enqueued) => {
      announce(`Job #${formatId(enqueued.id)} of ${name} enqueued.`);
      await Promise.all([renew(), queries.invalidateQueries({ queryKey: jobsKey })]);
    },
  });
  const failure = pause.error ?? run.error;

  return (
    <li className="card">
      <div className="card-header">
        <h2>{name}</h2>
        {paused ? <Badge tone="neutral">paused</Badge> : <Badge tone="good">active</Badge>}
      </div>
      <div>
        <p>{rule}</p>
        <p className="quiet small">
          enqueues <Link to={jobsLink({ name: job.name })}>{job.name}</Link> in {job.queue}
          {schedule.cron !== null && !rule.includes(schedule.cron) && (
            <>
              {' '}
              · <code>{schedule.cron}</code>
            </>
          )}
        </p>
      </div>
      <dl className="facts facts-two">
        <div>
          <dt>Next run</dt>
          <dd>{paused ? <span className="quiet">paused</span> : <TimeAgo time={schedule.nextAt} never="none" />}</dd>
        </div>
        <div>
          <dt>Last tick</dt>
          <dd>
            <TimeAgo time={schedule.lastTickAt} />
          </dd>
        </div>
        <div>
          <dt>Last job</dt>
          <dd>
            <LastJob schedule={schedule} />
          </dd>
        </div>
        <div>
          <dt>Ticks</dt>
          <dd>
            {formatCount(schedule.ticks)}
            {schedule.skipped > 0 && <span className="quiet"> + {formatCount(schedule.skipped)} skipped</span>}
          </dd>
        </div>
      </dl>
      {failure !== null && <ErrorNotice error={failure} />}
      <div className="buttons">
        <button
          type="button"
          className="button button-small"
          disabled={run.isPending}
          aria-label={`Run now: ${name}`}
          onClick={() => run.mutate()}
        >
          Run now
        </button>
        <button
          type="button"
          className="button button-small"
          disabled={pause.isPending}
          aria-label={`${paused ? 'Resume' : 'Pause'} ${name}`}
          onClick={() => pause.mutate()}
        >
          {paused ? 'Resume' : 'Pause'}
        </button>
        <button type="button" className="button button-small" aria-label={`Edit ${name}`} onClick={onEdit}>
          Edit
        </button>
        <button
          type="button"
          className="button button-small button-quiet-danger"
          aria-label={`Delete ${name}`}
          onClick={onDelete}
        >
          Delete
        </button>
      </div>
    </li>
  );
}

function LastJob({ schedule: { lastJobId, lastJobState } }: { schedule: Schedule }) {
  if (lastJobId === null) return <span className="quiet">none yet</span>;
  if (lastJobState === null) return <span className="quiet">no longer kept</span>;
  return (
    <Link to={jobLink(lastJobId)} className="last-job" aria-label={`Job #${formatId(lastJobId)}, ${lastJobState}`}>
      #{formatId(lastJobId)} <JobBadge state={lastJobState} />
    </Link>
  );
}
