import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { announce } from '../ui/announce';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { formatId } from '../ui/format';
import { problemOf } from '../ui/problemOf';
import { TextField } from '../ui/TextField';
import { rewind, subscriptionsQuery, type RewindTarget, type Subscription } from './subscriptionService';

type Choice = 'beginning' | 'end' | 'after';

const choices: readonly [Choice, string, string][] = [
  ['beginning', 'To the beginning', 'Everything still kept is delivered again.'],
  ['end', 'To the end', 'What waits now is skipped; only new items are delivered.'],
  ['after', 'After an item', 'Goes on with the item that follows this id.'],
];

interface RewindDialogProps {
  subscription: Subscription;
  onClose: () => void;
}

export function RewindDialog({ subscription, onClose }: RewindDialogProps) {
  const [choice, setChoice] = useState<Choice>('beginning');
  const [id, setId] = useState(subscription.position);
  const queries = useQueryClient();
  const rewinding = useMutation({
    mutationFn: () => rewind(subscription, targetOf(choice, id.trim())),
    onSuccess: async (after) => {
      announce(`${subscription.name} now stands at ${formatId(after.position)}.`);
      onClose();
      await queries.invalidateQueries({ queryKey: subscriptionsQuery.queryKey });
    },
  });

  return (
    <ConfirmDialog
      title="Rewind subscription"
      action="Rewind"
      destructive
      pending={rewinding.isPending}
      error={rewinding.error}
      fields={choice === 'after' ? ['after'] : []}
      onConfirm={() => rewinding.mutate()}
      onClose={onClose}
    >
      <p>
        Moves <strong>{subscription.name}</strong> on {subscription.topic}, which stands at{' '}
        {formatId(subscription.position)} of {formatId(subscription.lastId)}. Whoever reads it sees the change at once.
      </p>
      <fieldset className="choices">
        <legend className="visually-hidden">Where to</legend>
        {choices.map(([value, label, effect]) => (
          <label key={value} className="choice">
            <input
              type="radio"
              name="target"
              value={value}
              checked={choice === value}
              onChange={() => setChoice(value)}
            />
            <span>
              <strong>{label}</strong>
              <span className="choice-effect">{effect}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {choice === 'after' && (
        <TextField
          label="Id"
          value={id}
          onChange={setId}
          inputMode="numeric"
          pattern="[0-9]+"
          required
          problem={problemOf(rewinding.error, 'after')}
        />
      )}
    </ConfirmDialog>
  );
}

function targetOf(choice: Choice, id: string): RewindTarget {
  return choice === 'after' ? { after: id } : { to: choice };
}
