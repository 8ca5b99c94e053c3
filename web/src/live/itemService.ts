import { request } from '../api/request';
import { topicPath } from '../topics/topicService';

export interface Item {
  id: string;
  key: string;
  content: Record<string, unknown>;
  source: string | null;
  addedAt: string;
}

export interface ItemPage {
  items: Item[];
  /** Where a search that stopped early goes on; null when it reached the end. */
  scannedTo: string | null;
}

/** The items after an id, oldest first. */
export function readItemsAfter(topic: string, after: string, limit: number, signal: AbortSignal): Promise<ItemPage> {
  return request<ItemPage>(`${topicPath(topic)}/items`, { query: { after, limit }, signal });
}

/** The newest items below an id, newest first, that contain `q` when it is given. */
export function readItemsBefore(
  topic: string,
  before: string,
  limit: number,
  q: string | undefined,
  signal: AbortSignal,
): Promise<ItemPage> {
  return request<ItemPage>(`${topicPath(topic)}/items`, { query: { before, limit, q }, signal });
}

/** Orders ids, which are decimal strings that may not fit a double. */
export function isNewer(id: string, than: string): boolean {
  return id.length === than.length ? id > than : id.length > than.length;
}
