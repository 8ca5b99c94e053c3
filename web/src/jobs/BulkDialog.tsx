import { useQueryClient } from '@tanstack/react-query';
import { queuesQuery } from '../queues/queueService';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { Dialog } from '../ui/Dialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { formatId, plural } from '../ui/format';
import { describeFilter, matchesEveryJob, type JobFilter } from './jobFilter';
import { jobsKey, type BulkVerb } from './jobService';
import { useBulkChange, type BulkChange } from './useBulkChange';

const verbs: Record<BulkVerb, { title: string; done: string; effect: string }> = {
  retry: {
    title: 'Retry jobs',
    done: 'set to run again',
    effect: 'Those of them that failed, were cancelled or expired wait again, with all their attempts.',
  },
  cancel: {
    title: 'Cancel jobs',
    done: 'cancelled or asked to stop',
    effect: 'Those of them that have not started are cancelled, and those that run are asked to stop.',
  },
  delete: {
    title: 'Delete jobs',
    done: 'deleted',
    effect: 'All of them that do not run are removed for good, with their results and logs.',
  },
};

interface BulkDialogProps {
  verb: BulkVerb;
  filter: JobFilter;
  /** The newest job that was listed; null: not known here. */
  newest: string | null;
  onClose: () => void;
}

/** Asks, and then changes all jobs that the filter matches and shows how far it is. */
export function BulkDialog({ verb, filter, newest, onClose }: BulkDialogProps) {
  const queries = useQueryClient();
  // What is enqueued from now on was never seen by whoever confirms this.
  const start = newest === null ? null : (BigInt(newest) + 1n).toString();
  const change = useBulkChange(verb, filter, start);
  const { title, done, effect } = verbs[verb];

  const close = () => {
    onClose();
    void queries.invalidateQueries({ queryKey: jobsKey });
    void queries.invalidateQueries({ queryKey: queuesQuery.queryKey });
  };

  if (change.phase === 'ready') {
    const everything = verb !== 'retry' && matchesEveryJob(filter);
    return (
      <ConfirmDialog
        title={title}
        action={title}
        destructive={verb !== 'retry'}
        {...(everything ? { typed: `${verb} all` } : {})}
        pending={false}
        error={null}
        onConfirm={change.run}
        onClose={onClose}
      >
        <p>
          This concerns <strong>{describeFilter(filter)}</strong>.
        </p>
        <p>{effect}</p>
        <p className="quiet">
          {newest === null
            ? 'From the newest one down to the oldest, also those that are not listed.'
            : `From job #${formatId(newest)} down to the oldest, also those that are not listed. Later ones are left alone.`}
        </p>
      </ConfirmDialog>
    );
  }

  const working = change.phase === 'running' || change.phase === 'stopping';
  return (
    <Dialog title={title} onClose={working ? change.stop : close}>
      <div className="stack">
        <p role="status">
          <strong>
            {plural(change.changed, 'job')} {done}
          </strong>
          {working && ' so far'}. {change.phase === 'done' && 'Nothing is left that matches.'}
          {change.phase === 'stopped' && `Stopped at job #${formatId(change.before ?? '')}.`}
        </p>
        {working && <BulkProgress change={change} start={start} />}
        {change.phase === 'failed' && <ErrorNotice error={change.error} title="It did not get further" />}
        <div className="dialog-buttons">
          {working && (
            <button type="button" className="button" disabled={change.phase === 'stopping'} onClick={change.stop}>
              {change.phase === 'stopping' ? 'Stopping…' : 'Stop'}
            </button>
          )}
          {(change.phase === 'stopped' || change.phase === 'failed') && (
            <button type="button" className="button" onClick={change.run}>
              Go on
            </button>
          )}
          {!working && (
            <button type="button" className="button button-primary" onClick={close}>
              Close
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

/** Ids are the only measure of how far it is, and a good one: the oldest job is near 0 at worst. */
function BulkProgress({ change, start }: { change: BulkChange; start: string | null }) {
  const { before } = change;
  const percent = start === null || before === null ? undefined : 100 - Number((BigInt(before) * 100n) / BigInt(start));
  return (
    <>
      <progress
        className="progress"
        max={100}
        {...(percent === undefined ? {} : { value: percent })}
        aria-label="Progress"
      />
      {before !== null && before !== start && <p className="quiet">Has come to job #{formatId(before)}.</p>}
    </>
  );
}
