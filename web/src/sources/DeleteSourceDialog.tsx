import { useMutation, useQueryClient } from '@tanstack/react-query';
import { announce } from '../ui/announce';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { deleteSource, sourcesQuery, type Source } from './sourceService';

export function DeleteSourceDialog({ source, onClose }: { source: Source; onClose: () => void }) {
  const queries = useQueryClient();
  const removal = useMutation({
    mutationFn: () => deleteSource(source.name),
    onSuccess: async () => {
      announce(`Source ${source.name} deleted.`);
      onClose();
      await queries.invalidateQueries({ queryKey: sourcesQuery.queryKey });
    },
  });
  return (
    <ConfirmDialog
      title="Delete source"
      action="Delete source"
      destructive
      pending={removal.isPending}
      error={removal.error}
      onConfirm={() => removal.mutate()}
      onClose={onClose}
    >
      <p>
        Stops polling <strong>{source.name}</strong> and forgets it. The items it added to {source.topic} stay.
      </p>
    </ConfirmDialog>
  );
}
