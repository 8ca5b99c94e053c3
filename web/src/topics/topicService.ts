import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/request';

export interface Topic {
  name: string;
  keyPointers: string[];
  windowSeconds: number;
  /** How long items are kept; null keeps them for good. */
  retentionSeconds: number | null;
  items: number;
  lastId: string;
  lastAddedAt: string | null;
  createdAt: string;
  subscriptions: number;
}

export interface TopicSettings {
  keyPointers?: string[];
  windowSeconds?: number;
  retentionSeconds?: number | null;
}

export const topicsQuery = queryOptions({
  queryKey: ['topics'],
  queryFn: async ({ signal }) => (await request<{ topics: Topic[] }>('/api/v1/topics', { signal })).topics,
});

export function topicQuery(name: string) {
  return queryOptions({
    queryKey: ['topics', name],
    queryFn: ({ signal }) => request<Topic>(topicPath(name), { signal }),
  });
}

export function putTopic(name: string, settings: TopicSettings): Promise<Topic> {
  return request<Topic>(topicPath(name), { method: 'PUT', body: settings });
}

export function deleteTopic(name: string): Promise<void> {
  return request(topicPath(name), { method: 'DELETE' });
}

export function topicPath(name: string): string {
  return `/api/v1/topics/${encodeURIComponent(name)}`;
}
