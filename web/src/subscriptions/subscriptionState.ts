import type { Subscription } from './subscriptionService';

/** An item that has waited this long makes its subscription late. */
const lateMilliseconds = 60_000;
/** An item that has waited this long with nothing in flight: the reader is gone. */
const stuckMilliseconds = 300_000;

export type SubscriptionState = 'paused' | 'current' | 'behind' | 'late' | 'stuck';

export function subscriptionState(subscription: Subscription, now: number): SubscriptionState {
  const { lag, waiting, inFlight, oldestWaitingAt, paused } = subscription;
  if (paused) return 'paused';
  const waited = oldestWaitingAt === null ? 0 : now - Date.parse(oldestWaitingAt);
  if (waited >= stuckMilliseconds && inFlight === 0) return 'stuck';
  if (waited >= lateMilliseconds) return 'late';
  return lag + waiting > 0 ? 'behind' : 'current';
}
