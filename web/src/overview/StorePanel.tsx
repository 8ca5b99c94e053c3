import { Panel } from '../ui/Panel';
import { formatBytes } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';
import type { Overview } from './overviewService';

export function StorePanel({ overview }: { overview: Overview }) {
  const { store } = overview;
  return (
    <Panel title="This server">
      <dl className="facts">
        <div>
          <dt>Store</dt>
          <dd>{store.kind}</dd>
        </div>
        <div>
          <dt>Database</dt>
          <dd>{formatBytes(store.databaseBytes)}</dd>
        </div>
        {store.kind === 'sqlite' && (
          <div>
            <dt>Write-ahead log</dt>
            <dd>{formatBytes(store.walBytes)}</dd>
          </div>
        )}
        {store.freeBytes !== null && (
          <div>
            <dt>Free on disk</dt>
            <dd>{formatBytes(store.freeBytes)}</dd>
          </div>
        )}
        <div>
          <dt>Started</dt>
          <dd>
            <TimeAgo time={overview.startedAt} />
          </dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd>{overview.version}</dd>
        </div>
        <div>
          <dt>Environment</dt>
          <dd>{overview.environment}</dd>
        </div>
      </dl>
    </Panel>
  );
}
