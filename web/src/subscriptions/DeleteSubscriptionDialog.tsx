import { useMutation, useQueryClient } from '@tanstack/react-query';
import { announce } from '../ui/announce';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { deleteSubscription, type Subscription } from './subscriptionService';

interface DeleteSubscriptionDialogProps {
  subscription: Subscription;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteSubscriptionDialog({ subscription, onClose, onDeleted }: DeleteSubscriptionDialogProps) {
  const queries = useQueryClient();
  const removal = useMutation({
    mutationFn: () => deleteSubscription(subscription),
    onSuccess: async () => {
      announce(`Subscription ${subscription.name} deleted.`);
      onClose();
      onDeleted();
      await queries.invalidateQueries();
    },
  });
  return (
    <ConfirmDialog
      title="Delete subscription"
      action="Delete subscription"
      destructive
      typed={subscription.name}
      pending={removal.isPending}
      error={removal.error}
      onConfirm={() => removal.mutate()}
      onClose={onClose}
    >
      <p>
        Deletes <strong>{subscription.name}</strong> on {subscription.topic} with its position and its dead letters. The
        items of the topic stay. This cannot be undone.
      </p>
    </ConfirmDialog>
  );
}
