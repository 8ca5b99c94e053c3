import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { Empty } from '../ui/Empty';
import { plural } from '../ui/format';
import { Page } from '../ui/Page';
import { Queried } from '../ui/Queried';
import { SearchField } from '../ui/SearchField';
import { subscriptionsQuery, type Subscription } from './subscriptionService';
import { SubscriptionTable } from './SubscriptionTable';

export function SubscriptionsPage() {
  const subscriptions = useQuery({ ...subscriptionsQuery, refetchInterval: 3000 });
  return (
    <Page title="Subscriptions" summary="Named readers of a topic, each with a position of its own.">
      <Queried query={subscriptions} what="subscriptions">
        {(data) =>
          data.length === 0 ? (
            <Empty title="Nobody reads yet.">
              <p>A subscription comes to be with its first fetch, and starts at the oldest item kept:</p>
              <pre className="sample">
                {`curl ${window.location.origin}/api/v1/topics/ads/subscriptions/mailer/fetch \\\n  --json '{"max":10}'`}
              </pre>
            </Empty>
          ) : (
            <FoundSubscriptions subscriptions={data} />
          )
        }
      </Queried>
    </Page>
  );
}

function FoundSubscriptions({ subscriptions }: { subscriptions: readonly Subscription[] }) {
  const [params, setParams] = useSearchParams();
  const [search, setSearch] = useState('');
  const topic = params.get('topic');
  const text = search.trim().toLowerCase();
  const found = subscriptions.filter(
    (s) => (topic === null || s.topic === topic) && `${s.name} ${s.topic}`.toLowerCase().includes(text),
  );
  const showAll = () => {
    setSearch('');
    setParams({}, { replace: true });
  };
  return (
    <>
      <div className="toolbar">
        <SearchField
          label="Search subscriptions"
          placeholder="Search by name or topic"
          value={search}
          onChange={setSearch}
        />
        {topic !== null && (
          <button type="button" className="button button-small" onClick={() => setParams({}, { replace: true })}>
            topic: {topic} ✕<span className="visually-hidden">, show all topics</span>
          </button>
        )}
        <p className="quiet" role="status">
          {found.length === subscriptions.length
            ? plural(subscriptions.length, 'subscription')
            : `${found.length} of ${plural(subscriptions.length, 'subscription')}`}
        </p>
      </div>
      {found.length === 0 ? (
        <Empty title={topic === null ? 'No subscription matches.' : `Nobody reads ${topic} like that.`}>
          <button type="button" className="button button-small" onClick={showAll}>
            Show all subscriptions
          </button>
        </Empty>
      ) : (
        <SubscriptionTable subscriptions={found} />
      )}
    </>
  );
}
