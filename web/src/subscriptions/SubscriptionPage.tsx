import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { topicLink } from '../topics/topicLink';
import { formatCount, formatDuration, formatId } from '../ui/format';
import { Page } from '../ui/Page';
import { Panel } from '../ui/Panel';
import { Queried } from '../ui/Queried';
import { TimeAgo } from '../ui/TimeAgo';
import { DeadLetters } from './DeadLetters';
import { DestinationPanel } from './DestinationPanel';
import { DeleteSubscriptionDialog } from './DeleteSubscriptionDialog';
import { RewindDialog } from './RewindDialog';
import { SubscriptionBadge } from './SubscriptionBadge';
import { subscriptionQuery, type Subscription } from './subscriptionService';

export function SubscriptionPage() {
  const { topic = '', subscription: name = '' } = useParams();
  const ref = { topic, name };
  const subscription = useQuery({ ...subscriptionQuery(ref), refetchInterval: 2000 });
  const navigate = useNavigate();
  const [open, setOpen] = useState<'rewind' | 'delete' | null>(null);
  const close = () => setOpen(null);

  return (
    <Page
      title={name}
      above={<Link to="/subscriptions">Subscriptions</Link>}
      summary={
        <span className="dotted">
          <span>
            {subscription.data?.destination ? 'pushes' : 'reads'} <Link to={topicLink(topic)}>{topic}</Link>
          </span>
          {subscription.data && <SubscriptionBadge subscription={subscription.data} />}
        </span>
      }
      actions={
        subscription.data && (
          <>
            <button type="button" className="button" onClick={() => setOpen('rewind')}>
              Rewind
            </button>
            <button type="button" className="button button-quiet-danger" onClick={() => setOpen('delete')}>
              Delete
            </button>
          </>
        )
      }
    >
      <Queried query={subscription} what="the subscription">
        {(data) => (
          <>
            <Figures subscription={data} />
            <DeadLetters key={`${topic}/${name}`} subscription={ref} count={data.dead} />
            {data.destination !== null && <DestinationPanel destination={data.destination} paused={data.paused} />}
            <Settings subscription={data} />
            {open === 'rewind' && <RewindDialog subscription={data} onClose={close} />}
            {open === 'delete' && (
              <DeleteSubscriptionDialog
                subscription={data}
                onClose={close}
                onDeleted={() => void navigate('/subscriptions')}
              />
            )}
          </>
        )}
      </Queried>
    </Page>
  );
}

function Figures({ subscription }: { subscription: Subscription }) {
  const { position, lastId, lag, inFlight, waiting, dead, oldestWaitingAt } = subscription;
  return (
    <dl className="totals totals-six">
      <div className="total total-main">
        <dt>Lag</dt>
        <dd>{formatCount(lag)}</dd>
      </div>
      <div className="total">
        <dt>Position</dt>
        <dd>
          {formatId(position)} <span className="total-of">of {formatId(lastId)}</span>
        </dd>
      </div>
      <div className="total">
        <dt>In flight</dt>
        <dd>{formatCount(inFlight)}</dd>
      </div>
      <div className="total">
        <dt>Waiting again</dt>
        <dd>{formatCount(waiting)}</dd>
      </div>
      <div className="total">
        <dt>Oldest waiting</dt>
        <dd className="total-text">
          <TimeAgo time={oldestWaitingAt} never="none" />
        </dd>
      </div>
      <div className="total">
        <dt>Dead letters</dt>
        <dd className={dead > 0 ? 'bad' : undefined}>{formatCount(dead)}</dd>
      </div>
    </dl>
  );
}

function Settings({ subscription }: { subscription: Subscription }) {
  return (
    <Panel title="Settings">
      <dl className="facts">
        <div>
          <dt>Lease</dt>
          <dd>{formatDuration(subscription.leaseSeconds)}</dd>
        </div>
        <div>
          <dt>Attempts at most</dt>
          <dd>{formatCount(subscription.maxAttempts)}</dd>
        </div>
        <div>
          <dt>In flight at most</dt>
          <dd>{formatCount(subscription.maxInFlight)}</dd>
        </div>
        <div>
          <dt>Created</dt>
          <dd>
            <TimeAgo time={subscription.createdAt} />
          </dd>
        </div>
      </dl>
    </Panel>
  );
}
