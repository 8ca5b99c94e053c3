import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import { topicLink } from '../topics/topicLink';
import { announce } from '../ui/announce';
import { Badge } from '../ui/Badge';
import { ErrorNotice } from '../ui/ErrorNotice';
import { formatCount, formatDuration, plural } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';
import { pollNow, pollsLink, setPaused, sourcesQuery, type Source } from './sourceService';
import { isListenedTo, sourceTones } from './sourceState';

export function SourceCard({ source, onDelete }: { source: Source; onDelete: () => void }) {
  const queries = useQueryClient();
  const renew = () => queries.invalidateQueries({ queryKey: sourcesQuery.queryKey });
  const poll = useMutation({
    mutationFn: () => pollNow(source.name),
    onSuccess: () => {
      announce(`${source.name} is polled as soon as possible.`);
      return renew();
    },
  });
  const pause = useMutation({
    mutationFn: () => setPaused(source, !source.paused),
    onSuccess: ({ paused }) => {
      announce(`${source.name} ${paused ? 'paused' : 'goes on'}.`);
      return renew();
    },
  });
  const failure = poll.error ?? pause.error;
  const listening = isListenedTo(source);

  return (
    <li className="card">
      <div className="card-header">
        <h2>{source.name}</h2>
        <Badge tone={sourceTones[source.state]}>{source.state}</Badge>
      </div>
      <p className="card-address" title={source.url}>
        {source.url}
      </p>
      {source.error !== null && (
        <div className="notice notice-bad">
          <p>{source.error}</p>
          {source.failures > 0 && <p className="quiet">{plural(source.failures, 'failure')} since the last success</p>}
        </div>
      )}
      <dl className="facts">
        <div>
          <dt>Topic</dt>
          <dd>
            <Link to={topicLink(source.topic)}>{source.topic}</Link>
          </dd>
        </div>
        {!listening && <Polls source={source} />}
        <div>
          <dt>Items added</dt>
          <dd>{formatCount(source.itemsAdded)}</dd>
        </div>
      </dl>
      {failure !== null && <ErrorNotice error={failure} />}
      <div className="buttons">
        {!listening && (
          <button
            type="button"
            className="button button-small"
            disabled={poll.isPending || source.state === 'polling'}
            aria-label={`Poll ${source.name} now`}
            onClick={() => poll.mutate()}
          >
            {source.state === 'polling' ? 'Polling…' : 'Poll now'}
          </button>
        )}
        <button
          type="button"
          className="button button-small"
          disabled={pause.isPending}
          aria-label={`${source.paused ? 'Resume' : 'Pause'} ${source.name}`}
          onClick={() => pause.mutate()}
        >
          {source.paused ? 'Resume' : 'Pause'}
        </button>
        <button
          type="button"
          className="button button-small button-quiet-danger"
          aria-label={`Delete ${source.name}`}
          onClick={onDelete}
        >
          Delete
        </button>
      </div>
    </li>
  );
}

function Polls({ source }: { source: Source }) {
  return (
    <>
      <div>
        <dt>Last poll</dt>
        <dd>
          <TimeAgo time={source.lastPolledAt} />
        </dd>
      </div>
      <div>
        <dt>Outcome</dt>
        <dd>
          {source.lastOutcome ?? <span className="quiet">none yet</span>}{' '}
          <Link to={pollsLink(source.name)} aria-label={`Polls of ${source.name}`}>
            Polls
          </Link>
        </dd>
      </div>
      <div>
        <dt>Next poll</dt>
        <dd>
          {source.paused ? <span className="quiet">paused</span> : <TimeAgo time={source.nextPollAt} never="–" />}
        </dd>
      </div>
      <div>
        <dt>Interval</dt>
        <dd>{formatDuration(source.intervalSeconds)}</dd>
      </div>
    </>
  );
}
