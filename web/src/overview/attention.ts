import { sourceIsFailing } from '../sources/sourceState';
import type { Source } from '../sources/sourceService';
import { subscriptionLink, type Subscription } from '../subscriptions/subscriptionService';
import { subscriptionState } from '../subscriptions/subscriptionState';
import { formatElapsed, plural } from '../ui/format';
import type { Overview } from './overviewService';

/** One thing an operator should look at. */
export interface Attention {
  id: string;
  severity: 'bad' | 'warn';
  /** One word for what is wrong. */
  label: 'Warning' | 'Lost' | 'Stuck' | 'Late' | 'Failing';
  text: string;
  link: string | null;
}

interface Observed {
  overview: Overview | undefined;
  subscriptions: readonly Subscription[] | undefined;
  sources: readonly Source[] | undefined;
  now: number;
}

/** What the server warns of that this page says itself, with a link. */
const saidBelow = new Set(['subscription-late', 'dead-letters', 'source-failing', 'source-gone']);

/** Everything that is late, stuck or lost, worst first. */
export function findAttention({ overview, subscriptions, sources, now }: Observed): Attention[] {
  const found: Attention[] = [];
  for (const warning of overview?.warnings ?? []) {
    if (saidBelow.has(warning.code)) continue;
    found.push({
      id: `warning:${warning.code}:${warning.message}`,
      severity: 'bad',
      label: 'Warning',
      text: warning.message,
      link: warning.code === 'node-silent' ? '/nodes' : null,
    });
  }
  for (const subscription of subscriptions ?? []) found.push(...ofSubscription(subscription, now));
  for (const source of sources ?? []) {
    if (!sourceIsFailing(source)) continue;
    found.push({
      id: `source:${source.name}`,
      severity: 'warn',
      label: 'Failing',
      text:
        source.state === 'gone'
          ? `Source ${source.name} is gone and no longer polled.`
          : `Source ${source.name} failed ${plural(source.failures, 'time')} in a row: ${source.error ?? 'no reason given'}`,
      link: '/sources',
    });
  }
  return found.sort((a, b) => Number(a.severity === 'warn') - Number(b.severity === 'warn'));
}

function ofSubscription(subscription: Subscription, now: number): Attention[] {
  const found: Attention[] = [];
  const called = `${subscription.name} on ${subscription.topic}`;
  const link = subscriptionLink(subscription);
  if (subscription.dead > 0) {
    found.push({
      id: `dead:${link}`,
      severity: 'bad',
      label: 'Lost',
      text: `${called} gave up on ${plural(subscription.dead, 'item')}.`,
      link,
    });
  }
  const state = subscriptionState(subscription, now);
  if (state === 'stuck' || state === 'late') {
    const waited = formatElapsed(now - Date.parse(subscription.oldestWaitingAt ?? ''));
    found.push({
      id: `${state}:${link}`,
      severity: state === 'stuck' ? 'bad' : 'warn',
      label: state === 'stuck' ? 'Stuck' : 'Late',
      text:
        state === 'stuck'
          ? `${subscription.destination === null ? `Nobody reads ${called}` : `${called} pushes nothing`}: its oldest item has waited ${waited}.`
          : `${called} is behind: its oldest item has waited ${waited}.`,
      link,
    });
  }
  return found;
}
