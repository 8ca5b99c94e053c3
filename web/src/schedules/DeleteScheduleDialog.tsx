import { useMutation, useQueryClient } from '@tanstack/react-query';
import { announce } from '../ui/announce';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { deleteSchedule, schedulesQuery, type Schedule } from './scheduleService';

export function DeleteScheduleDialog({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const queries = useQueryClient();
  const removal = useMutation({
    mutationFn: () => deleteSchedule(schedule.name),
    onSuccess: () => {
      announce(`Schedule ${schedule.name} deleted.`);
      onClose();
      return queries.invalidateQueries({ queryKey: schedulesQuery.queryKey });
    },
  });
  return (
    <ConfirmDialog
      title="Delete schedule"
      action="Delete schedule"
      destructive
      pending={removal.isPending}
      error={removal.error}
      onConfirm={() => removal.mutate()}
      onClose={onClose}
    >
      <p>
        <strong>{schedule.name}</strong> enqueues nothing any more and is forgotten. The jobs it enqueued stay.
      </p>
    </ConfirmDialog>
  );
}
