import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Empty } from '../ui/Empty';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';
import { Queried } from '../ui/Queried';
import { AddFeedDialog } from './AddFeedDialog';
import { DeleteSourceDialog } from './DeleteSourceDialog';
import { SourceCard } from './SourceCard';
import { sourcesQuery, type Source } from './sourceService';

export function SourcesPage() {
  const sources = useQuery({ ...sourcesQuery, refetchInterval: 2000 });
  const [adding, setAdding] = useState(false);
  const [deleting, setDeleting] = useState<Source | null>(null);

  return (
    <Page
      title="Sources"
      summary="Feeds that are polled and queues that are listened to. Each new entry or message becomes one item of a topic."
      actions={
        <button type="button" className="button button-primary" onClick={() => setAdding(true)}>
          <Icon name="plus" />
          Add feed
        </button>
      }
    >
      <Queried query={sources} what="sources">
        {(data) =>
          data.length === 0 ? (
            <Empty title="There is no source yet.">
              <p>Add the address of an RSS or Atom feed, and its entries appear in a topic as they are published.</p>
            </Empty>
          ) : (
            <ul className="cards">
              {data.map((source) => (
                <SourceCard key={source.name} source={source} onDelete={() => setDeleting(source)} />
              ))}
            </ul>
          )
        }
      </Queried>
      {adding && <AddFeedDialog onClose={() => setAdding(false)} />}
      {deleting && <DeleteSourceDialog source={deleting} onClose={() => setDeleting(null)} />}
    </Page>
  );
}
