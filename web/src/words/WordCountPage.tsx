import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { JobBadge } from '../jobs/JobBadge';
import { jobQuery, jobsKey } from '../jobs/jobService';
import { Empty } from '../ui/Empty';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Page } from '../ui/Page';
import { Panel } from '../ui/Panel';
import { problemOf } from '../ui/problemOf';
import { Queried } from '../ui/Queried';
import { TextField } from '../ui/TextField';
import { TimeAgo } from '../ui/TimeAgo';
import { CountRun } from './CountRun';
import { addressOf, countWords, recentCountsQuery } from './wordCountService';

/** Counts the words of a page on the web, as a job. */
export function WordCountPage() {
  const [params, setParams] = useSearchParams();
  const shown = params.get('job');
  const show = (id: string) => setParams({ job: id });

  return (
    <Page title="Word count" summary="The most frequent words of a page on the web, counted by a background job.">
      <CountForm onStarted={show} />
      {shown !== null && <CountRun key={shown} id={shown} />}
      <RecentCounts shown={shown} onShow={show} />
    </Page>
  );
}

function CountForm({ onStarted }: { onStarted: (id: string) => void }) {
  const [url, setUrl] = useState('');
  const queries = useQueryClient();
  const start = useMutation({
    mutationFn: () => countWords(url.trim()),
    onSuccess: (job) => {
      queries.setQueryData(jobQuery(job.id).queryKey, job);
      onStarted(job.id);
      return queries.invalidateQueries({ queryKey: [...jobsKey, 'list'] });
    },
  });
  const refused = problemOf(start.error, 'url');
  return (
    <form
      className="panel count-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!start.isPending && url.trim() !== '') start.mutate();
      }}
    >
      <TextField
        label="Address of a page"
        type="url"
        value={url}
        onChange={setUrl}
        placeholder="https://example.org/"
        autoComplete="url"
        required
        problem={refused}
      />
      <button type="submit" className="button button-primary" disabled={start.isPending || url.trim() === ''}>
        {start.isPending ? 'Starting…' : 'Count words'}
      </button>
      {start.isError && refused === undefined && <ErrorNotice error={start.error} title="The count was not started" />}
    </form>
  );
}

function RecentCounts({ shown, onShow }: { shown: string | null; onShow: (id: string) => void }) {
  const recent = useQuery({ ...recentCountsQuery, refetchInterval: 2000 });
  return (
    <Panel title="Last counts">
      <Queried query={recent} what="the last counts">
        {({ jobs }) =>
          jobs.length === 0 ? (
            <Empty title="Nothing was counted yet.">
              <p>Enter the address of a page above.</p>
            </Empty>
          ) : (
            <ul className="recent-counts">
              {jobs.map((job) => (
                <li key={job.id}>
                  <button
                    type="button"
                    className="link-button"
                    aria-current={job.id === shown ? 'true' : undefined}
                    onClick={() => onShow(job.id)}
                  >
                    {addressOf(job)}
                  </button>
                  <JobBadge state={job.state} stopping={job.cancelRequested} />
                  <TimeAgo time={job.enqueuedAt} />
                </li>
              ))}
            </ul>
          )
        }
      </Queried>
    </Panel>
  );
}
