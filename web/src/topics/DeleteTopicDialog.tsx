import { useMutation, useQueryClient } from '@tanstack/react-query';
import { announce } from '../ui/announce';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { plural } from '../ui/format';
import { deleteTopic, type Topic } from './topicService';

interface DeleteTopicDialogProps {
  topic: Topic;
  onClose: () => void;
  onDeleted?: () => void;
}

export function DeleteTopicDialog({ topic, onClose, onDeleted }: DeleteTopicDialogProps) {
  const queries = useQueryClient();
  const removal = useMutation({
    mutationFn: () => deleteTopic(topic.name),
    onSuccess: async () => {
      announce(`Topic ${topic.name} deleted.`);
      onClose();
      onDeleted?.();
      await queries.invalidateQueries();
    },
  });
  return (
    <ConfirmDialog
      title="Delete topic"
      action="Delete topic"
      destructive
      typed={topic.name}
      pending={removal.isPending}
      error={removal.error}
      onConfirm={() => removal.mutate()}
      onClose={onClose}
    >
      <p>
        Deletes <strong>{topic.name}</strong> with its {plural(topic.items, 'item')}
        {topic.subscriptions > 0 && <> and {plural(topic.subscriptions, 'subscription')}</>}. This cannot be undone.
      </p>
    </ConfirmDialog>
  );
}
