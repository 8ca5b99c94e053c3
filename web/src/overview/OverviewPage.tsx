import { useQuery } from '@tanstack/react-query';
import { sourcesQuery } from '../sources/sourceService';
import { subscriptionsQuery } from '../subscriptions/subscriptionService';
import { topicsQuery } from '../topics/topicService';
import { Page } from '../ui/Page';
import { Panel } from '../ui/Panel';
import { Queried } from '../ui/Queried';
import { useNow } from '../ui/clock';
import { findAttention } from './attention';
import { AttentionList } from './AttentionList';
import { NewestTopics } from './NewestTopics';
import { overviewQuery } from './overviewService';
import { SlowestSubscriptions } from './SlowestSubscriptions';
import { StorePanel } from './StorePanel';
import { Totals } from './Totals';

const refetchInterval = 2000;

/** What is late, stuck or lost, at a glance. */
export function OverviewPage() {
  const overview = useQuery({ ...overviewQuery, refetchInterval });
  const topics = useQuery({ ...topicsQuery, refetchInterval });
  const subscriptions = useQuery({ ...subscriptionsQuery, refetchInterval });
  const sources = useQuery({ ...sourcesQuery, refetchInterval });
  const now = useNow();

  const attention = findAttention({
    overview: overview.data,
    subscriptions: subscriptions.data,
    sources: sources.data,
    now,
  });
  const known = overview.data !== undefined && subscriptions.data !== undefined && sources.data !== undefined;

  return (
    <Page title="Overview">
      <Queried query={overview} what="the overview">
        {(data) => (
          <>
            <AttentionList attention={attention} complete={known} />
            <Totals overview={data} />
          </>
        )}
      </Queried>
      <div className="columns">
        <Panel title="Newest items">
          <Queried query={topics} what="topics">
            {(data) => <NewestTopics topics={data} />}
          </Queried>
        </Panel>
        <Panel title="Furthest behind">
          <Queried query={subscriptions} what="subscriptions">
            {(data) => <SlowestSubscriptions subscriptions={data} />}
          </Queried>
        </Panel>
      </div>
      {overview.data && <StorePanel overview={overview.data} />}
    </Page>
  );
}
