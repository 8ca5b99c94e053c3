import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { announce } from '../ui/announce';
import { Dialog } from '../ui/Dialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { checkName } from '../ui/names';
import { problemOf } from '../ui/problemOf';
import { TextField } from '../ui/TextField';
import { putSource, sourcesQuery } from './sourceService';

const fields = ['url', 'name', 'topic', 'intervalSeconds'];

export function AddFeedDialog({ onClose }: { onClose: () => void }) {
  const [url, setUrl] = useState('');
  const [name, setName] = useState('');
  const [topic, setTopic] = useState('');
  const [interval, setInterval] = useState('300');
  const queries = useQueryClient();

  const taken = queries.getQueryData(sourcesQuery.queryKey)?.some((source) => source.name === name);
  const nameProblem = taken ? 'There is a source of this name already.' : checkName(name);
  const topicProblem = topic === '' ? undefined : checkName(topic);

  const add = useMutation({
    mutationFn: () =>
      putSource(name, {
        kind: 'feed',
        url: url.trim(),
        intervalSeconds: Number(interval),
        ...(topic === '' ? {} : { topic }),
      }),
    onSuccess: async () => {
      announce(`Feed ${name} added.`);
      onClose();
      await queries.invalidateQueries({ queryKey: sourcesQuery.queryKey });
    },
  });
  const blocked = add.isPending || nameProblem !== undefined || topicProblem !== undefined || url.trim() === '';

  return (
    <Dialog title="Add feed" onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!blocked) add.mutate();
        }}
      >
        <TextField
          label="Address"
          type="url"
          value={url}
          onChange={setUrl}
          placeholder="https://example.org/feed.atom"
          required
          hint="An RSS or Atom feed."
          problem={problemOf(add.error, 'url')}
        />
        <TextField
          label="Name"
          value={name}
          onChange={setName}
          autoComplete="off"
          spellCheck={false}
          required
          problem={name === '' ? undefined : (nameProblem ?? problemOf(add.error, 'name'))}
        />
        <div className="field-row">
          <TextField
            label="Topic"
            value={topic}
            onChange={setTopic}
            placeholder={name}
            autoComplete="off"
            spellCheck={false}
            hint="Empty: named like the source."
            problem={topicProblem ?? problemOf(add.error, 'topic')}
          />
          <TextField
            label="Interval in seconds"
            type="number"
            min="30"
            step="1"
            required
            value={interval}
            onChange={setInterval}
            hint="30 or more."
            problem={problemOf(add.error, 'intervalSeconds')}
          />
        </div>
        {add.isError && <ErrorNotice error={add.error} title="The feed was not added" except={fields} />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={blocked}>
            {add.isPending ? 'Adding…' : 'Add feed'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
