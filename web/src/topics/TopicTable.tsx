import { Link } from 'react-router';
import { DataTable } from '../ui/DataTable';
import { formatCount, formatDuration } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';
import { topicLink } from './topicLink';
import type { Topic } from './topicService';

interface TopicTableProps {
  topics: readonly Topic[];
  onDelete: (topic: Topic) => void;
}

export function TopicTable({ topics, onDelete }: TopicTableProps) {
  return (
    <DataTable
      caption="Topics"
      rows={topics}
      rowKey={(topic) => topic.name}
      columns={[
        {
          header: 'Topic',
          cell: (topic) => (
            <>
              <Link to={topicLink(topic.name)} className="row-name plain-link">
                {topic.name}
              </Link>
              {topic.keyPointers.length > 0 && (
                <span className="row-detail">
                  key <code>{topic.keyPointers.join(' ')}</code>
                </span>
              )}
            </>
          ),
        },
        { header: 'Items', numeric: true, cell: (topic) => formatCount(topic.items) },
        { header: 'Last added', cell: (topic) => <TimeAgo time={topic.lastAddedAt} /> },
        { header: 'Window', cell: (topic) => formatDuration(topic.windowSeconds) },
        {
          header: 'Retention',
          cell: (topic) =>
            topic.retentionSeconds === null ? (
              <span className="quiet">kept for good</span>
            ) : (
              formatDuration(topic.retentionSeconds)
            ),
        },
        { header: 'Subscriptions', numeric: true, cell: (topic) => formatCount(topic.subscriptions) },
        {
          header: 'Actions',
          actions: true,
          cell: (topic) => (
            <button
              type="button"
              className="button button-small button-quiet-danger"
              aria-label={`Delete ${topic.name}`}
              onClick={() => onDelete(topic)}
            >
              Delete
            </button>
          ),
        },
      ]}
    />
  );
}
