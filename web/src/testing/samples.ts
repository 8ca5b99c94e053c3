import type { Job } from '../jobs/jobService';
import type { Item } from '../live/itemService';
import type { Node } from '../nodes/nodeService';
import type { Overview } from '../overview/overviewService';
import type { Queue } from '../queues/queueService';
import type { Schedule } from '../schedules/scheduleService';
import type { Source } from '../sources/sourceService';
import type { Subscription } from '../subscriptions/subscriptionService';
import type { Topic } from '../topics/topicService';

export function overview(changes: Partial<Overview> = {}): Overview {
  return {
    version: '0.1.0',
    startedAt: new Date().toISOString(),
    environment: 'Development',
    store: { kind: 'sqlite', databaseBytes: 1000, walBytes: 0, freeBytes: 5_000_000 },
    topics: 1,
    items: 3,
    subscriptions: 0,
    sources: 0,
    nodes: 1,
    inFlight: 0,
    dead: 0,
    addedLastMinute: 42,
    duplicatesLastMinute: 0,
    warnings: [],
    ...changes,
  };
}

export function topic(changes: Partial<Topic> = {}): Topic {
  return {
    name: 'ads',
    keyPointers: [],
    windowSeconds: 1_209_600,
    retentionSeconds: null,
    items: 3,
    lastId: '3',
    lastAddedAt: new Date().toISOString(),
    createdAt: new Date().toISOString(),
    subscriptions: 0,
    ...changes,
  };
}

export function subscription(changes: Partial<Subscription> = {}): Subscription {
  return {
    name: 'mailer',
    topic: 'ads',
    position: '3',
    lastId: '3',
    lag: 0,
    inFlight: 0,
    waiting: 0,
    dead: 0,
    leaseSeconds: 30,
    maxAttempts: 10,
    maxInFlight: 10_000,
    destination: null,
    paused: false,
    oldestWaitingAt: null,
    createdAt: new Date().toISOString(),
    ...changes,
  };
}

export function source(changes: Partial<Source> = {}): Source {
  return {
    name: 'news',
    kind: 'feed',
    topic: 'news',
    url: 'https://example.org/feed.atom',
    intervalSeconds: 300,
    paused: false,
    state: 'waiting',
    lastPolledAt: null,
    nextPollAt: null,
    lastOutcome: null,
    error: null,
    failures: 0,
    itemsAdded: 0,
    createdAt: new Date().toISOString(),
    ...changes,
  };
}

export function job(changes: Partial<Job> = {}): Job {
  return {
    id: '7',
    name: 'report',
    queue: 'default',
    priority: 'normal',
    state: 'waiting',
    arguments: { month: '2026-10' },
    attempt: 0,
    maxAttempts: 10,
    enqueuedAt: new Date().toISOString(),
    dueAt: new Date().toISOString(),
    startedAt: null,
    endedAt: null,
    owner: null,
    result: null,
    error: null,
    progress: null,
    message: null,
    cancelRequested: false,
    ...changes,
  };
}

export function queue(changes: Partial<Queue> = {}): Queue {
  return {
    name: 'default',
    paused: false,
    counts: { waiting: 0, delayed: 0, held: 0, blocked: 0, running: 0 },
    oldestDueAt: null,
    endedLastMinute: 0,
    meanWaitSeconds: null,
    limit: null,
    ...changes,
  };
}

export function schedule(changes: Partial<Schedule> = {}): Schedule {
  return {
    name: 'nightly',
    everySeconds: null,
    cron: '30 3 * * *',
    zone: 'Europe/Oslo',
    job: { name: 'report', arguments: {}, queue: 'default', priority: 'normal', maxAttempts: 10, keepSeconds: 3600 },
    catchUp: 'latest',
    catchUpLimit: 100,
    overlap: 'skip',
    jitterSeconds: 0,
    paused: false,
    nextAt: new Date(Date.now() + 3_600_000).toISOString(),
    lastTickAt: null,
    lastJobId: null,
    lastJobState: null,
    ticks: 0,
    skipped: 0,
    ...changes,
  };
}

export function node(changes: Partial<Node> = {}): Node {
  return {
    id: '1',
    name: 'alpha',
    roles: ['api', 'worker', 'collector', 'scheduler'],
    version: '0.1.0',
    startedAt: new Date().toISOString(),
    seenAt: new Date().toISOString(),
    state: 'alive',
    isThis: false,
    warnings: [],
    ...changes,
  };
}

export function item(id: number | string, content: Record<string, unknown> = { n: id }): Item {
  return { id: String(id), key: `key-${id}`, content, source: null, addedAt: new Date().toISOString() };
}

/** Items with the ids `from` to `to`, in that order. */
export function items(from: number, to: number): Item[] {
  const step = from <= to ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => item(from + index * step));
}
