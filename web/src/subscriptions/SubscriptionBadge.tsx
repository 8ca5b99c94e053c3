import { Badge, type Tone } from '../ui/Badge';
import { useNow } from '../ui/clock';
import type { Subscription } from './subscriptionService';
import { subscriptionState, type SubscriptionState } from './subscriptionState';

const shown: Record<SubscriptionState, [Tone, string]> = {
  paused: ['neutral', 'paused'],
  current: ['good', 'up to date'],
  behind: ['info', 'behind'],
  late: ['warn', 'late'],
  stuck: ['bad', 'stuck'],
};

export function SubscriptionBadge({ subscription }: { subscription: Subscription }) {
  const [tone, label] = shown[subscriptionState(subscription, useNow())];
  return <Badge tone={tone}>{label}</Badge>;
}
