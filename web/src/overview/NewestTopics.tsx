import { Link } from 'react-router';
import type { Topic } from '../topics/topicService';
import { topicLink } from '../topics/topicLink';
import { Empty } from '../ui/Empty';
import { formatCount } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';

const shown = 6;

export function NewestTopics({ topics }: { topics: readonly Topic[] }) {
  if (topics.length === 0) {
    return (
      <Empty title="Nothing has been added yet.">
        <p>
          Post a JSON object to <code>/add</code>, or follow a feed under <Link to="/sources">Sources</Link>.
        </p>
      </Empty>
    );
  }
  const newest = [...topics].sort((a, b) => (b.lastAddedAt ?? '').localeCompare(a.lastAddedAt ?? '')).slice(0, shown);
  return (
    <ul className="brief">
      {newest.map((topic) => (
        <li key={topic.name}>
          <Link to={topicLink(topic.name)} className="brief-name plain-link">
            {topic.name}
          </Link>
          <span className="brief-figure">{formatCount(topic.items)} items</span>
          <span className="brief-time">
            <TimeAgo time={topic.lastAddedAt} never="empty" />
          </span>
        </li>
      ))}
    </ul>
  );
}
