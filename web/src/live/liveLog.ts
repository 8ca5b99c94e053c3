import { isNewer, type Item } from './itemService';

/**
 * What the live page shows of a topic: one stretch of the log without holes, newest first.
 *
 * While holding, what arrives waits beside the rows, so that nothing moves under the reader.
 * Both are bounded: rows fall off at the old end, where they can be loaded again; when too
 * many are held, only their number is kept and the page starts again from the newest.
 */
export interface LiveLog {
  rows: readonly Item[];
  /** Newest first, all newer than the rows. */
  held: readonly Item[];
  heldCount: number;
  holding: boolean;
  /** Where older items go on; null when the beginning of the topic is among the rows. */
  older: string | null;
  /** Rows kept; grows when the reader loads older ones. */
  capacity: number;
}

export const liveCapacity = 300;
/** More rows than this are not kept in the page, whatever is loaded. */
export const largestCapacity = 2000;
export const heldCapacity = 1000;

export type LiveLogEvent =
  | { kind: 'loaded'; items: readonly Item[]; older: string | null }
  | { kind: 'arrived'; items: readonly Item[] }
  | { kind: 'held'; holding: boolean }
  | { kind: 'released' };

export const emptyLog: LiveLog = {
  rows: [],
  held: [],
  heldCount: 0,
  holding: false,
  older: null,
  capacity: liveCapacity,
};

export function nextLog(log: LiveLog, event: LiveLogEvent): LiveLog {
  switch (event.kind) {
    case 'loaded':
      return loaded(log, event.items, event.older);
    case 'arrived':
      return arrived(log, event.items);
    case 'held':
      if (event.holding === log.holding) return log;
      return event.holding ? { ...log, holding: true } : release({ ...log, holding: false });
    case 'released':
      return release(log);
  }
}

/** More was held than is kept: releasing it would leave a hole. */
export function hasOverflown(log: LiveLog): boolean {
  return log.heldCount > log.held.length;
}

function loaded(log: LiveLog, items: readonly Item[], older: string | null): LiveLog {
  const oldest = log.rows.at(-1)?.id;
  const rows = log.rows.concat(oldest === undefined ? items : items.filter((item) => isNewer(oldest, item.id)));
  const capacity = Math.min(largestCapacity, Math.max(log.capacity, rows.length + liveCapacity / 2));
  return { ...log, rows, older, capacity };
}

/** `items` come oldest first, as the log has them. */
function arrived(log: LiveLog, items: readonly Item[]): LiveLog {
  const newest = log.held[0]?.id ?? log.rows[0]?.id;
  const fresh = items.filter((item) => newest === undefined || isNewer(item.id, newest)).reverse();
  if (fresh.length === 0) return log;
  if (!log.holding) return trimmed({ ...log, rows: fresh.concat(log.rows) });
  const heldCount = log.heldCount + fresh.length;
  const held = hasOverflown(log) || heldCount > heldCapacity ? log.held : fresh.concat(log.held);
  return { ...log, held, heldCount };
}

function release(log: LiveLog): LiveLog {
  if (log.heldCount === 0 || hasOverflown(log)) return log;
  return trimmed({ ...log, rows: log.held.concat(log.rows), held: [], heldCount: 0 });
}

function trimmed(log: LiveLog): LiveLog {
  if (log.rows.length <= log.capacity) return log;
  const rows = log.rows.slice(0, log.capacity);
  return { ...log, rows, older: rows.at(-1)?.id ?? log.older };
}
