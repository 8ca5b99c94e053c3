import { useMutation, useQueryClient } from '@tanstack/react-query';
import { announce } from '../ui/announce';
import { ErrorNotice } from '../ui/ErrorNotice';
import { queuesQuery, setPaused, type Queue } from './queueService';

export function QueueButtons({ queue, onEditLimit }: { queue: Queue; onEditLimit: () => void }) {
  const queries = useQueryClient();
  const pause = useMutation({
    mutationFn: () => setPaused(queue.name, !queue.paused),
    onSuccess: () => {
      announce(`Queue ${queue.name} ${queue.paused ? 'goes on' : 'is paused: what runs goes on to its end'}.`);
      return queries.invalidateQueries({ queryKey: queuesQuery.queryKey });
    },
  });
  return (
    <>
      <div className="buttons buttons-end">
        <button
          type="button"
          className="button button-small"
          disabled={pause.isPending}
          aria-label={`${queue.paused ? 'Resume' : 'Pause'} ${queue.name}`}
          onClick={() => pause.mutate()}
        >
          {queue.paused ? 'Resume' : 'Pause'}
        </button>
        <button
          type="button"
          className="button button-small"
          aria-label={`Limit of ${queue.name}`}
          onClick={onEditLimit}
        >
          Limit
        </button>
      </div>
      {pause.isError && <ErrorNotice error={pause.error} />}
    </>
  );
}
