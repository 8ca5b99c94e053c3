import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { Problem } from '../api/problem';
import { DeleteTopicDialog } from '../topics/DeleteTopicDialog';
import { topicQuery, type Topic } from '../topics/topicService';
import { Empty } from '../ui/Empty';
import { formatCount, formatDuration, plural } from '../ui/format';
import { Page } from '../ui/Page';
import { TimeAgo } from '../ui/TimeAgo';
import { LiveItems } from './LiveItems';
import { useSearchText } from './useSearchText';

/** One topic, live. */
export function TopicLivePage() {
  const { topic = '' } = useParams();
  const navigate = useNavigate();
  const query = useQuery({ ...topicQuery(topic), refetchInterval: 5000 });
  const search = useSearchText();
  const [paused, setPaused] = useState(false);
  const [deleting, setDeleting] = useState(false);

  const missing = query.error instanceof Problem && query.error.status === 404;

  return (
    <Page
      title={topic}
      above={<Link to="/topics">Topics</Link>}
      summary={query.data && !missing && <Summary topic={query.data} />}
      actions={
        query.data &&
        !missing && (
          <button type="button" className="button button-quiet-danger" onClick={() => setDeleting(true)}>
            Delete
          </button>
        )
      }
    >
      {missing ? (
        <Empty title="There is no topic of this name.">
          <p>It comes to be with its first item. This page then shows it.</p>
        </Empty>
      ) : (
        <LiveItems key={topic} topic={topic} search={search} paused={paused} onPause={setPaused} />
      )}
      {deleting && query.data && (
        <DeleteTopicDialog
          topic={query.data}
          onClose={() => setDeleting(false)}
          onDeleted={() => void navigate('/topics')}
        />
      )}
    </Page>
  );
}

function Summary({ topic }: { topic: Topic }) {
  return (
    <span className="dotted">
      <span>{formatCount(topic.items)} items</span>
      <span>
        last added <TimeAgo time={topic.lastAddedAt} />
      </span>
      <span>key taken for {formatDuration(topic.windowSeconds)}</span>
      <Link to={`/subscriptions?topic=${encodeURIComponent(topic.name)}`}>
        {plural(topic.subscriptions, 'subscription')}
      </Link>
    </span>
  );
}
