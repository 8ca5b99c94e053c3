import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { listedQueues } from '../queues/queueCounts';
import { queuesQuery, type Queue } from '../queues/queueService';
import { Empty } from '../ui/Empty';
import { formatId, plural } from '../ui/format';
import { Page } from '../ui/Page';
import { Queried } from '../ui/Queried';
import { BulkDialog } from './BulkDialog';
import { JobFilters } from './JobFilters';
import { matchesEveryJob, type JobFilter } from './jobFilter';
import { jobsQuery, type BulkVerb, type JobPage } from './jobService';
import { hasEnded, isRetryable } from './jobState';
import { JobTable } from './JobTable';
import { useJobFilter } from './useJobFilter';

const pageSize = 50;
const refetchInterval = 2000;

export function JobsPage() {
  const { filter, before, change } = useJobFilter();
  const jobs = useQuery({ ...jobsQuery(filter, before, pageSize), refetchInterval, placeholderData: keepPreviousData });
  const queues = useQuery({ ...queuesQuery, refetchInterval });
  const [bulk, setBulk] = useState<{ verb: BulkVerb; newest: string | null } | null>(null);

  // On a later page the newest that matches is not known.
  const newest = before === null ? (jobs.data?.jobs[0]?.id ?? null) : null;
  const found = jobs.data !== undefined && (jobs.data.jobs.length > 0 || jobs.data.scannedTo !== null);

  return (
    <Page title="Jobs" summary={<Summary queues={queues.data} queue={filter.queue} />}>
      <JobFilters filter={filter} queues={queues.data} onChange={change} />
      <Queried query={jobs} what="jobs">
        {(data) => (
          <>
            {found && <BulkButtons filter={filter} onChoose={(verb) => setBulk({ verb, newest })} />}
            <FoundJobs page={data} filter={filter} before={before} />
          </>
        )}
      </Queried>
      {bulk && <BulkDialog verb={bulk.verb} filter={filter} newest={bulk.newest} onClose={() => setBulk(null)} />}
    </Page>
  );
}

function Summary({ queues, queue }: { queues: readonly Queue[] | undefined; queue: string | null }) {
  const ended = queues && listedQueues(queues, queue).reduce((sum, each) => sum + each.endedLastMinute, 0);
  return (
    <>
      Work that runs in the background.
      {ended !== undefined &&
        ` ${plural(ended, 'job')} ended in the last minute${queue === null ? '' : ` in ${queue}`}.`}
    </>
  );
}

/** What can be done to everything that the filter matches, shown or not. */
function BulkButtons({ filter, onChoose }: { filter: JobFilter; onChoose: (verb: BulkVerb) => void }) {
  const may = (accepts: (state: JobFilter['states'][number]) => boolean) =>
    filter.states.length === 0 || filter.states.some(accepts);
  return (
    <div className="bulk" role="group" aria-label="Everything that matches">
      <p className="quiet">{matchesEveryJob(filter) ? 'All jobs:' : 'Everything that matches:'}</p>
      <div className="buttons">
        {may(isRetryable) && (
          <button type="button" className="button button-small" onClick={() => onChoose('retry')}>
            Retry…
          </button>
        )}
        {may((state) => !hasEnded(state)) && (
          <button type="button" className="button button-small" onClick={() => onChoose('cancel')}>
            Cancel…
          </button>
        )}
        {may((state) => state !== 'running') && (
          <button type="button" className="button button-small button-quiet-danger" onClick={() => onChoose('delete')}>
            Delete…
          </button>
        )}
      </div>
    </div>
  );
}

function FoundJobs({ page, filter, before }: { page: JobPage; filter: JobFilter; before: string | null }) {
  const older = useLinkBefore(page.scannedTo);
  const newest = useLinkBefore(null);
  const empty = page.jobs.length === 0;
  return (
    <>
      {empty && page.scannedTo === null && before === null && <NoJobs filter={filter} />}
      {!empty && <JobTable jobs={page.jobs} />}
      {(page.scannedTo !== null || before !== null) && (
        <nav className="list-end" aria-label="Pages of jobs">
          {page.jobs.length < pageSize && (
            <p role="status">
              {empty ? 'None found' : 'These were found'}
              {page.scannedTo === null ? ' down to the oldest.' : ` down to job #${formatId(page.scannedTo)} so far.`}
            </p>
          )}
          <div className="buttons">
            {before !== null && (
              <Link to={newest} className="button" onClick={toTop}>
                Newest
              </Link>
            )}
            {page.scannedTo !== null && (
              <Link to={older} className="button" onClick={toTop}>
                {page.jobs.length < pageSize ? 'Look further back' : 'Older'}
              </Link>
            )}
          </div>
        </nav>
      )}
    </>
  );
}

function NoJobs({ filter }: { filter: JobFilter }) {
  if (!matchesEveryJob(filter)) return <Empty title="No job matches." />;
  return (
    <Empty title="There are no jobs.">
      <p>A program enqueues them through the library, or anything over HTTP:</p>
      <pre className="sample">
        {`curl ${window.location.origin}/api/v1/jobs/word-count \\\n  --json '{"url":"https://example.org/"}'`}
      </pre>
    </Empty>
  );
}

function toTop() {
  window.scrollTo(0, 0);
}

/** This page's address with another beginning of the list. */
function useLinkBefore(before: string | null): string {
  const [params] = useSearchParams();
  const next = new URLSearchParams(params);
  if (before === null) next.delete('before');
  else next.set('before', before);
  return `?${next.toString()}`;
}
