import { Link } from 'react-router';
import { topicLink } from '../topics/topicLink';
import { DataTable } from '../ui/DataTable';
import { formatCount, formatId } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';
import { describeDestination } from './destination';
import { SubscriptionBadge } from './SubscriptionBadge';
import { subscriptionLink, type Subscription } from './subscriptionService';

export function SubscriptionTable({ subscriptions }: { subscriptions: readonly Subscription[] }) {
  return (
    <DataTable
      caption="Subscriptions"
      rows={subscriptions}
      rowKey={subscriptionLink}
      columns={[
        {
          header: 'Subscription',
          cell: (s) => (
            <>
              <Link to={subscriptionLink(s)} className="row-name plain-link">
                {s.name}
              </Link>
              <span className="row-detail">
                on{' '}
                <Link to={topicLink(s.topic)} className="plain-link">
                  {s.topic}
                </Link>
              </span>
              {s.destination !== null && <span className="row-detail">to {describeDestination(s.destination)}</span>}
            </>
          ),
        },
        { header: 'State', cell: (s) => <SubscriptionBadge subscription={s} /> },
        { header: 'Position', numeric: true, cell: (s) => formatId(s.position) },
        { header: 'Lag', numeric: true, cell: (s) => formatCount(s.lag) },
        { header: 'In flight', numeric: true, cell: (s) => formatCount(s.inFlight) },
        { header: 'Waiting', numeric: true, cell: (s) => formatCount(s.waiting) },
        {
          header: 'Dead',
          numeric: true,
          cell: (s) => (s.dead > 0 ? <strong className="bad">{formatCount(s.dead)}</strong> : '0'),
        },
        { header: 'Oldest waiting', cell: (s) => <TimeAgo time={s.oldestWaitingAt} never="none" /> },
      ]}
    />
  );
}
