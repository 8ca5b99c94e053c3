import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Empty } from '../ui/Empty';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';
import { Queried } from '../ui/Queried';
import { SearchField } from '../ui/SearchField';
import { plural } from '../ui/format';
import { CreateTopicDialog } from './CreateTopicDialog';
import { DeleteTopicDialog } from './DeleteTopicDialog';
import { topicsQuery, type Topic } from './topicService';
import { TopicTable } from './TopicTable';

export function TopicsPage() {
  const topics = useQuery({ ...topicsQuery, refetchInterval: 5000 });
  const [search, setSearch] = useState('');
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Topic | null>(null);

  return (
    <Page
      title="Topics"
      summary="Named logs of items. A topic comes to be with its first item, or here with settings of its own."
      actions={
        <button type="button" className="button button-primary" onClick={() => setCreating(true)}>
          <Icon name="plus" />
          Create topic
        </button>
      }
    >
      <Queried query={topics} what="topics">
        {(data) =>
          data.length === 0 ? (
            <Empty title="There are no topics yet.">
              <p>Create one here, or add an item: its topic is created with it.</p>
              <pre className="sample">
                {`curl ${window.location.origin}/add?topic=ads \\\n  --json '{"city":"Oslo","price":900}'`}
              </pre>
            </Empty>
          ) : (
            <FoundTopics topics={data} search={search} onSearch={setSearch} onDelete={setDeleting} />
          )
        }
      </Queried>
      {creating && <CreateTopicDialog onClose={() => setCreating(false)} />}
      {deleting && <DeleteTopicDialog topic={deleting} onClose={() => setDeleting(null)} />}
    </Page>
  );
}

interface FoundTopicsProps {
  topics: readonly Topic[];
  search: string;
  onSearch: (search: string) => void;
  onDelete: (topic: Topic) => void;
}

function FoundTopics({ topics, search, onSearch, onDelete }: FoundTopicsProps) {
  const found = topics.filter((topic) => topic.name.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <>
      <div className="toolbar">
        <SearchField label="Search topics" placeholder="Search by name" value={search} onChange={onSearch} />
        <p className="quiet" role="status">
          {found.length === topics.length
            ? plural(topics.length, 'topic')
            : `${found.length} of ${plural(topics.length, 'topic')}`}
        </p>
      </div>
      {found.length === 0 ? (
        <Empty title={`No topic has “${search.trim()}” in its name.`}>
          <button type="button" className="button button-small" onClick={() => onSearch('')}>
            Show all topics
          </button>
        </Empty>
      ) : (
        <TopicTable topics={found} onDelete={onDelete} />
      )}
    </>
  );
}
