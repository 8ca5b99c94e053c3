import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/request';
import type { Warning } from '../overview/overviewService';
import type { Tone } from '../ui/Badge';

export type NodeState = 'alive' | 'draining' | 'silent';

/** One running process of Databus. */
export interface Node {
  /** Unique to one run of the process. */
  id: string;
  name: string;
  roles: string[];
  version: string;
  startedAt: string;
  seenAt: string;
  state: NodeState;
  /** The node that answered. */
  isThis: boolean;
  warnings: Warning[];
}

export const nodeTones: Record<NodeState, Tone> = { alive: 'good', draining: 'warn', silent: 'bad' };

export const nodesQuery = queryOptions({
  queryKey: ['nodes'],
  queryFn: async ({ signal }) => (await request<{ nodes: Node[] }>('/api/v1/nodes', { signal })).nodes,
});
