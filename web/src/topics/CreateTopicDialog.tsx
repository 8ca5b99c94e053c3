import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { announce } from '../ui/announce';
import { Dialog } from '../ui/Dialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { TextField } from '../ui/TextField';
import { checkName, namePattern } from '../ui/names';
import { problemOf } from '../ui/problemOf';
import { topicLink } from './topicLink';
import { putTopic, topicsQuery, type TopicSettings } from './topicService';

const secondsInDay = 86_400;
const fields = ['name', 'keyPointers', 'windowSeconds', 'retentionSeconds'];

export function CreateTopicDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [pointers, setPointers] = useState('');
  const [windowDays, setWindowDays] = useState('14');
  const [retentionDays, setRetentionDays] = useState('');
  const queries = useQueryClient();
  const navigate = useNavigate();

  const known = queries.getQueryData(topicsQuery.queryKey)?.some((topic) => topic.name === name);
  const nameProblem = known ? 'There is a topic of this name already.' : checkName(name);

  const create = useMutation({
    mutationFn: () => putTopic(name, settingsOf(pointers, windowDays, retentionDays)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: topicsQuery.queryKey });
      announce(`Topic ${name} created.`);
      await navigate(topicLink(name));
    },
  });

  return (
    <Dialog title="Create topic" onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (nameProblem === undefined && !create.isPending) create.mutate();
        }}
      >
        <TextField
          label="Name"
          value={name}
          onChange={setName}
          pattern={namePattern}
          autoComplete="off"
          spellCheck={false}
          required
          problem={name === '' ? undefined : (nameProblem ?? problemOf(create.error, 'name'))}
        />
        <TextField
          label="Key pointers"
          value={pointers}
          onChange={setPointers}
          placeholder="/ad_id"
          autoComplete="off"
          spellCheck={false}
          hint="JSON pointers, separated by spaces, to what makes an item the same as another. Empty: the whole content."
          problem={problemOf(create.error, 'keyPointers')}
        />
        <div className="field-row">
          <TextField
            label="Window in days"
            type="number"
            min="0"
            step="any"
            required
            value={windowDays}
            onChange={setWindowDays}
            hint="How long a key stays taken."
            problem={problemOf(create.error, 'windowSeconds')}
          />
          <TextField
            label="Retention in days"
            type="number"
            min="0"
            step="any"
            value={retentionDays}
            onChange={setRetentionDays}
            hint="Empty: items are kept for good."
            problem={problemOf(create.error, 'retentionSeconds')}
          />
        </div>
        {create.isError && <ErrorNotice error={create.error} title="The topic was not created" except={fields} />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            className="button button-primary"
            disabled={create.isPending || nameProblem !== undefined}
          >
            {create.isPending ? 'Creating…' : 'Create topic'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function settingsOf(pointers: string, windowDays: string, retentionDays: string): TopicSettings {
  return {
    keyPointers: pointers.split(/\s+/).filter((pointer) => pointer !== ''),
    windowSeconds: Math.round(Number(windowDays) * secondsInDay),
    retentionSeconds: retentionDays.trim() === '' ? null : Math.round(Number(retentionDays) * secondsInDay),
  };
}
