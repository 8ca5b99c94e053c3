import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Empty } from '../ui/Empty';
import { Page } from '../ui/Page';
import { Queried } from '../ui/Queried';
import { LimitDialog } from './LimitDialog';
import { QueueTable } from './QueueTable';
import { queuesQuery, type Queue } from './queueService';

export function QueuesPage() {
  const queues = useQuery({ ...queuesQuery, refetchInterval: 2000 });
  const [limiting, setLimiting] = useState<Queue | null>(null);
  return (
    <Page
      title="Queues"
      summary="What waits and what runs. A queue that is paused starts nothing; what already runs goes on."
    >
      <Queried query={queues} what="queues">
        {(data) =>
          data.length === 0 ? (
            <Empty title="There are no queues yet.">
              <p>A queue comes to be with its first job.</p>
            </Empty>
          ) : (
            <QueueTable queues={data} onEditLimit={setLimiting} />
          )
        }
      </Queried>
      {limiting && <LimitDialog queue={limiting} onClose={() => setLimiting(null)} />}
    </Page>
  );
}
