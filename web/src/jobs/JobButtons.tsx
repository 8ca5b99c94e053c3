import { useMutation, useQueryClient } from '@tanstack/react-query';
import { announce } from '../ui/announce';
import { ErrorNotice } from '../ui/ErrorNotice';
import { cancelJob, jobQuery, jobsKey, retryJob, type Job } from './jobService';
import { hasEnded, isRetryable } from './jobState';

/** What can be done to one job in its state. */
export function JobButtons({ job, onDelete }: { job: Job; onDelete: () => void }) {
  const queries = useQueryClient();
  const renew = (after: Job) => {
    queries.setQueryData(jobQuery(job.id).queryKey, after);
    return queries.invalidateQueries({ queryKey: jobsKey });
  };
  const cancel = useMutation({
    mutationFn: () => cancelJob(job.id),
    onSuccess: (after) => {
      announce(hasEnded(after.state) ? 'The job is cancelled.' : 'The job was asked to stop.');
      return renew(after);
    },
  });
  const retry = useMutation({
    mutationFn: () => retryJob(job.id),
    onSuccess: (after) => {
      announce('The job waits to run again.');
      return renew(after);
    },
  });
  const failure = cancel.error ?? retry.error;

  return (
    <div className="job-actions">
      <div className="buttons">
        {!hasEnded(job.state) && (
          <button
            type="button"
            className="button"
            disabled={cancel.isPending || job.cancelRequested}
            onClick={() => {
              retry.reset();
              cancel.mutate();
            }}
          >
            {job.cancelRequested ? 'Stopping…' : 'Cancel'}
          </button>
        )}
        {isRetryable(job.state) && (
          <button
            type="button"
            className="button button-primary"
            disabled={retry.isPending}
            onClick={() => {
              cancel.reset();
              retry.mutate();
            }}
          >
            Retry
          </button>
        )}
        {job.state !== 'running' && (
          <button type="button" className="button button-quiet-danger" onClick={onDelete}>
            Delete
          </button>
        )}
      </div>
      {failure !== null && <ErrorNotice error={failure} />}
    </div>
  );
}
