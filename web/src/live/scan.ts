import { readItemsBefore, type Item } from './itemService';

/** How far one search goes before it asks whether to go on. */
const requestsAtMost = 25;
const millisecondsAtMost = 10_000;
export const pageSize = 50;

interface ScanOptions {
  topic: string;
  /** Where to begin: an id, exclusive, or `latest`. */
  before: string;
  q: string;
  signal: AbortSignal;
  /** Called with each page as it comes, newest first, and where the next one begins. */
  onFound: (items: readonly Item[], older: string | null) => void;
}

/**
 * Reads a page of older items. A search goes on through pages that found little until it
 * has a page full, the beginning of the topic, or its bound.
 */
export async function scan({ topic, before, q, signal, onFound }: ScanOptions): Promise<void> {
  const startedAt = Date.now();
  let from: string | null = before;
  let found = 0;
  for (let request = 0; from !== null && request < requestsAtMost; request++) {
    const page = await readItemsBefore(topic, from, pageSize, q === '' ? undefined : q, signal);
    found += page.items.length;
    from = page.scannedTo ?? (page.items.length < pageSize ? null : (page.items.at(-1)?.id ?? null));
    onFound(page.items, from);
    if (q === '' || found >= pageSize || Date.now() - startedAt > millisecondsAtMost) return;
  }
}
