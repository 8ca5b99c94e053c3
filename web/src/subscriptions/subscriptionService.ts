import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/request';
import { topicPath } from '../topics/topicService';
import type { Destination } from './destination';

export interface Subscription {
  name: string;
  topic: string;
  /** The id up to which everything was handed out. */
  position: string;
  lastId: string;
  /** Items after the position. */
  lag: number;
  /** Deliveries under a lease now. */
  inFlight: number;
  /** Deliveries that were returned and come again. */
  waiting: number;
  dead: number;
  leaseSeconds: number;
  maxAttempts: number;
  maxInFlight: number;
  /** Where it pushes; null: it is pulled. */
  destination: Destination | null;
  /** Nothing is pushed. */
  paused: boolean;
  oldestWaitingAt: string | null;
  createdAt: string;
}

/** Which subscription: its name is unique within its topic. */
export interface SubscriptionRef {
  topic: string;
  name: string;
}

export interface DeadLetter {
  id: string;
  content: unknown;
  addedAt: string;
  attempts: number;
  reason: string | null;
  diedAt: string;
}

export interface DeadLetterPage {
  dead: DeadLetter[];
  next: string | null;
}

export type RewindTarget = { to: 'beginning' | 'end' } | { after: string };

export const subscriptionsQuery = queryOptions({
  queryKey: ['subscriptions'],
  queryFn: async ({ signal }) =>
    (await request<{ subscriptions: Subscription[] }>('/api/v1/subscriptions', { signal })).subscriptions,
});

export function subscriptionQuery(ref: SubscriptionRef) {
  return queryOptions({
    queryKey: ['subscriptions', ref.topic, ref.name],
    queryFn: ({ signal }) => request<Subscription>(subscriptionPath(ref), { signal }),
  });
}

export function deadLettersKey(ref: SubscriptionRef) {
  return ['subscriptions', ref.topic, ref.name, 'dead'] as const;
}

export function readDeadLetters(ref: SubscriptionRef, after: string | undefined, signal: AbortSignal) {
  return request<DeadLetterPage>(`${subscriptionPath(ref)}/dead`, { query: { after, limit: 50 }, signal });
}

export function rewind(ref: SubscriptionRef, target: RewindTarget): Promise<Subscription> {
  return request<Subscription>(`${subscriptionPath(ref)}/rewind`, { method: 'POST', body: target });
}

/** Replays the dead letters named, or all of them. */
export async function replayDead(ref: SubscriptionRef, ids: readonly string[] | 'all'): Promise<number> {
  const body = ids === 'all' ? {} : { ids };
  return (await request<{ replayed: number }>(`${subscriptionPath(ref)}/dead/replay`, { method: 'POST', body }))
    .replayed;
}

/** Discards the dead letters named, or all of them, for good. */
export async function discardDead(ref: SubscriptionRef, ids: readonly string[] | 'all'): Promise<number> {
  const body = ids === 'all' ? {} : { ids };
  return (await request<{ discarded: number }>(`${subscriptionPath(ref)}/dead/discard`, { method: 'POST', body }))
    .discarded;
}

export function deleteSubscription(ref: SubscriptionRef): Promise<void> {
  return request(subscriptionPath(ref), { method: 'DELETE' });
}

/** The page of a subscription. */
export function subscriptionLink(ref: SubscriptionRef): string {
  return `/subscriptions/${encodeURIComponent(ref.topic)}/${encodeURIComponent(ref.name)}`;
}

function subscriptionPath(ref: SubscriptionRef): string {
  return `${topicPath(ref.topic)}/subscriptions/${encodeURIComponent(ref.name)}`;
}
