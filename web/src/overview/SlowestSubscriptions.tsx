import { Link } from 'react-router';
import { SubscriptionBadge } from '../subscriptions/SubscriptionBadge';
import { subscriptionLink, type Subscription } from '../subscriptions/subscriptionService';
import { Empty } from '../ui/Empty';
import { plural } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';

const shown = 6;

export function SlowestSubscriptions({ subscriptions }: { subscriptions: readonly Subscription[] }) {
  if (subscriptions.length === 0) {
    return (
      <Empty title="Nobody reads yet.">
        <p>A subscription comes to be with its first fetch.</p>
      </Empty>
    );
  }
  const slowest = subscriptions
    .filter((subscription) => subscription.lag + subscription.waiting > 0)
    .sort((a, b) => b.lag + b.waiting - (a.lag + a.waiting))
    .slice(0, shown);
  if (slowest.length === 0) return <Empty title="Every subscription is up to date." />;
  return (
    <ul className="brief">
      {slowest.map((subscription) => (
        <li key={subscriptionLink(subscription)}>
          <span className="brief-name">
            <Link to={subscriptionLink(subscription)} className="plain-link">
              {subscription.name}
            </Link>
            <span className="brief-more">on {subscription.topic}</span>
          </span>
          <span className="brief-figure">
            {plural(subscription.lag, 'item')} behind
            {subscription.oldestWaitingAt !== null && (
              <span className="brief-more">
                oldest <TimeAgo time={subscription.oldestWaitingAt} />
              </span>
            )}
          </span>
          <span className="brief-time">
            <SubscriptionBadge subscription={subscription} />
          </span>
        </li>
      ))}
    </ul>
  );
}
