import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { announce } from '../ui/announce';
import { Dialog } from '../ui/Dialog';
import { DurationField } from '../ui/DurationField';
import { ErrorNotice } from '../ui/ErrorNotice';
import { problemOf } from '../ui/problemOf';
import { TextField } from '../ui/TextField';
import { queuesQuery, setLimit, type Queue, type QueueLimit } from './queueService';

const fields = ['maxRunning', 'maxStarts', 'perSeconds'];

export function LimitDialog({ queue, onClose }: { queue: Queue; onClose: () => void }) {
  const [running, setRunning] = useState(textOf(queue.limit?.maxRunning));
  const [starts, setStarts] = useState(textOf(queue.limit?.maxStarts));
  const [per, setPer] = useState<number | null>(queue.limit?.perSeconds ?? 60);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => setLimit(queue.name, limitOf(running, starts, per)),
    onSuccess: () => {
      announce(`The limit of ${queue.name} holds from now on.`);
      onClose();
      return queries.invalidateQueries({ queryKey: queuesQuery.queryKey });
    },
  });

  return (
    <Dialog title={`Limit of ${queue.name}`} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!save.isPending) save.mutate();
        }}
      >
        <p>
          What all jobs of this queue may do together, over all nodes. What is beyond it is held until there is room.
        </p>
        <TextField
          label="Running at once"
          type="number"
          min="0"
          step="1"
          value={running}
          onChange={setRunning}
          hint="Empty: any number."
          problem={problemOf(save.error, 'maxRunning')}
        />
        <div className="field-row">
          <TextField
            label="Starts"
            type="number"
            min="0"
            step="1"
            value={starts}
            onChange={setStarts}
            hint="Empty: any number."
            problem={problemOf(save.error, 'maxStarts')}
          />
          <DurationField
            label="Within"
            seconds={per}
            onChange={setPer}
            required={starts !== ''}
            hint="1 second to 1 day."
            problem={problemOf(save.error, 'perSeconds')}
          />
        </div>
        {save.isError && <ErrorNotice error={save.error} title="The limit was not changed" except={fields} />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={save.isPending}>
            {save.isPending ? 'Saving…' : 'Save limit'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function textOf(limit: number | undefined): string {
  return limit === undefined || limit === 0 ? '' : String(limit);
}

function limitOf(running: string, starts: string, per: number | null): QueueLimit {
  return { maxRunning: Number(running), maxStarts: Number(starts), perSeconds: Number(starts) > 0 ? per : null };
}
