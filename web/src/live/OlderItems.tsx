import { formatCount, formatId } from '../ui/format';
import { largestCapacity, type LiveLog } from './liveLog';

interface OlderItemsProps {
  log: LiveLog;
  searching: boolean;
  loading: boolean;
  onLoad: () => void;
}

/** The old end of the list: more of it, or that there is no more. */
export function OlderItems({ log, searching, loading, onLoad }: OlderItemsProps) {
  if (log.older === null) {
    if (log.rows.length === 0 || loading) return null;
    return <p className="list-end">{searching ? 'No older matches.' : 'The oldest item kept.'}</p>;
  }
  if (log.rows.length >= largestCapacity) {
    return (
      <p className="list-end">
        {formatCount(largestCapacity)} items are shown, which is the most this page keeps. Search to look further back.
      </p>
    );
  }
  return (
    <div className="list-end">
      {searching && (
        <p role="status">
          {loading ? 'Searching' : 'Searched'} down to item #{formatId(log.older)}
          {log.rows.length === 0 && !loading && ': nothing found yet'}
        </p>
      )}
      <button type="button" className="button" disabled={loading} onClick={onLoad}>
        {loading ? 'Loading…' : searching ? 'Search further back' : 'Load older items'}
      </button>
    </div>
  );
}
