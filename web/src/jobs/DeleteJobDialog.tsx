import { useMutation, useQueryClient } from '@tanstack/react-query';
import { announce } from '../ui/announce';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { formatId } from '../ui/format';
import { deleteJob, jobsKey, type Job } from './jobService';

interface DeleteJobDialogProps {
  job: Job;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteJobDialog({ job, onClose, onDeleted }: DeleteJobDialogProps) {
  const queries = useQueryClient();
  const removal = useMutation({
    mutationFn: () => deleteJob(job.id),
    onSuccess: () => {
      announce(`Job #${formatId(job.id)} deleted.`);
      onClose();
      onDeleted();
      return queries.invalidateQueries({ queryKey: [...jobsKey, 'list'] });
    },
  });
  return (
    <ConfirmDialog
      title="Delete job"
      action="Delete job"
      destructive
      pending={removal.isPending}
      error={removal.error}
      onConfirm={() => removal.mutate()}
      onClose={onClose}
    >
      <p>
        Removes{' '}
        <strong>
          {job.name} #{formatId(job.id)}
        </strong>{' '}
        for good, with its result and its log.
      </p>
    </ConfirmDialog>
  );
}
