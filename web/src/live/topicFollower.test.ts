import { waitFor } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { item, items } from '../testing/samples';
import { json, problem, stubServer, StubStream } from '../testing/server';
import type { StreamState } from './connection';
import { isNewer, type Item } from './itemService';
import { TopicFollower } from './topicFollower';

/** Web locks, as far as a follower uses them: one holder for each name, the others in a queue. */
class StubLocks {
  readonly #queues = new Map<string, Promise<unknown>>();

  request(name: string, options: { signal?: AbortSignal }, callback: () => Promise<void>): Promise<unknown> {
    const before = this.#queues.get(name) ?? Promise.resolve();
    const held = before.then(() => {
      options.signal?.throwIfAborted();
      return callback();
    });
    this.#queues.set(
      name,
      held.catch(() => undefined),
    );
    return held;
  }
}

/** The topic as the server has it: a log, and the streams that are open on it. */
class StubTopic {
  readonly log: Item[] = [];
  streams: StubStream[] = [];
  streamsOpened = 0;

  constructor(newest: number) {
    this.log = items(1, newest);
    stubServer({
      'GET /api/v1/topics/ads/items': ({ url }) => {
        const after = url.searchParams.get('after') ?? '0';
        const found = this.log.filter((i) => isNewer(i.id, after)).slice(0, Number(url.searchParams.get('limit')));
        return json({ items: found, scannedTo: null });
      },
      'GET /api/v1/topics/ads/events': ({ url, signal }) => {
        const stream = new StubStream().until(signal);
        this.streams.push(stream);
        this.streamsOpened++;
        stream.write(`retry: 100\nid: ${this.log.length}\n\n`);
        for (const each of this.log) if (isNewer(each.id, url.searchParams.get('after') ?? '0')) stream.item(each);
        return stream.response;
      },
    });
  }

  add(count = 1): void {
    for (let i = 0; i < count; i++) {
      const added = item(this.log.length + 1);
      this.log.push(added);
      for (const stream of this.streams) stream.item(added);
    }
  }

  drop(): void {
    for (const stream of this.streams) stream.close();
    this.streams = [];
  }
}

class Tab {
  readonly ids: number[] = [];
  readonly states: StreamState[] = [{ name: 'connecting', problem: null }];
  farBehind = false;
  readonly follower: TopicFollower;

  constructor(after: number) {
    this.follower = new TopicFollower({
      topic: 'ads',
      after: String(after),
      onItems: (arrived) => this.ids.push(...arrived.map((i) => Number(i.id))),
      onState: (state) => void this.states.push(state),
      onFarBehind: () => (this.farBehind = true),
    });
  }

  get state(): StreamState | undefined {
    return this.states.at(-1);
  }
}

const tabs: Tab[] = [];

function openTab(after: number): Tab {
  const tab = new Tab(after);
  tabs.push(tab);
  return tab;
}

beforeEach(() => vi.stubGlobal('navigator', { locks: new StubLocks(), onLine: true }));
afterEach(() => {
  for (const tab of tabs.splice(0)) tab.follower.close();
});

const upTo = (last: number, from = 4) => Array.from({ length: last - from + 1 }, (_, index) => from + index);

test('Several tabs share one stream and see every id once, in order', async () => {
  const topic = new StubTopic(3);
  const all = [openTab(3), openTab(3), openTab(3)];
  await waitFor(() => all.forEach((tab) => expect(tab.state?.name).toBe('live')));
  topic.add(20);
  await waitFor(() => all.forEach((tab) => expect(tab.ids).toEqual(upTo(23))));
  expect(topic.streamsOpened).toBe(1);
});

test('When the leading tab closes another one leads on without a gap', async () => {
  const topic = new StubTopic(3);
  const leader = openTab(3);
  const other = openTab(3);
  await waitFor(() => expect(other.state?.name).toBe('live'));
  topic.add();
  await waitFor(() => expect(other.ids).toEqual([4]));
  leader.follower.close();
  topic.streams = [];
  topic.add(5);
  await waitFor(() => expect(other.ids).toEqual(upTo(9)));
});

test('A tab that joins late, behind the leader, reads what it missed', async () => {
  const topic = new StubTopic(3);
  const leader = openTab(3);
  await waitFor(() => expect(leader.state?.name).toBe('live'));
  topic.add(6);
  await waitFor(() => expect(leader.ids).toEqual(upTo(9)));
  const late = openTab(5);
  await waitFor(() => expect(late.ids).toEqual(upTo(9, 6)));
});

test('A broken stream is opened again and nothing is missed or repeated', async () => {
  const topic = new StubTopic(3);
  const tab = openTab(3);
  await waitFor(() => expect(tab.state?.name).toBe('live'));
  topic.add(2);
  await waitFor(() => expect(tab.ids).toEqual([4, 5]));
  topic.drop();
  topic.add(3);
  await waitFor(() => expect(tab.ids).toEqual(upTo(8)));
  await waitFor(() => expect(tab.states.map((state) => state.name)).toEqual(['connecting', 'live', 'reconnecting', 'live']));
  expect(topic.streamsOpened).toBe(2);
});

test('A refusal is told and tried again', async () => {
  let refused = false;
  const stream = new StubStream();
  stubServer({
    'GET /api/v1/topics/ads/items': () => json({ items: [], scannedTo: null }),
    'GET /api/v1/topics/ads/events': () => {
      if (refused) return stream.response;
      refused = true;
      return problem(503, 'Too many live views.');
    },
  });
  const tab = openTab(0);
  await waitFor(() => expect(tab.state).toEqual({ name: 'live', problem: null }));
  expect(tab.states).toContainEqual({ name: 'reconnecting', problem: 'Too many live views.' });
});

test('A tab that is too far behind asks to start again instead of reading everything', async () => {
  new StubTopic(5000);
  const tab = openTab(3);
  await waitFor(() => expect(tab.farBehind).toBe(true));
  expect(tab.ids.length).toBeLessThanOrEqual(1000);
});

test('Without web locks each tab has a stream of its own', async () => {
  vi.stubGlobal('navigator', { onLine: true });
  const topic = new StubTopic(3);
  const both = [openTab(3), openTab(3)];
  await waitFor(() => both.forEach((tab) => expect(tab.state?.name).toBe('live')));
  topic.add(3);
  await waitFor(() => both.forEach((tab) => expect(tab.ids).toEqual([4, 5, 6])));
  expect(topic.streamsOpened).toBe(2);
});
