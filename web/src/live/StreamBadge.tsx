import type { StreamState } from './connection';

const labels: Record<StreamState['name'] | 'paused', string> = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
  paused: 'Paused',
};

/** How the page gets its items just now. A pause of the reader hides only a healthy stream. */
export function StreamBadge({ stream, paused }: { stream: StreamState; paused: boolean }) {
  const name = paused && stream.name === 'live' ? 'paused' : stream.name;
  return (
    <p className={`stream stream-${name}`} role="status" title={stream.problem ?? undefined}>
      <span className="stream-dot" aria-hidden="true" />
      {labels[name]}
      {stream.problem !== null && <span className="visually-hidden">: {stream.problem}</span>}
    </p>
  );
}
