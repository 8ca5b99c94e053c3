import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/request';

export interface Overview {
  version: string;
  startedAt: string;
  environment: string;
  store: { kind: string; databaseBytes: number; walBytes: number; freeBytes: number | null };
  topics: number;
  items: number;
  subscriptions: number;
  sources: number;
  /** Those that are alive. */
  nodes: number;
  inFlight: number;
  dead: number;
  addedLastMinute: number;
  duplicatesLastMinute: number;
  warnings: Warning[];
}

export interface Warning {
  code: string;
  message: string;
}

export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  queryFn: ({ signal }) => request<Overview>('/api/v1/overview', { signal }),
});
