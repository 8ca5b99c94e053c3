import { useSyncExternalStore } from 'react';
import { reachability } from '../api/reachability';
import { useNow } from '../ui/clock';
import { formatElapsed } from '../ui/format';
import { Icon } from '../ui/Icon';

/** Says that the server does not answer and that the page shows what was known before. */
export function ServerNotice() {
  const { since } = useSyncExternalStore(reachability.subscribe, reachability.current);
  return (
    <div role="status" className="server-notice-place">
      {since !== null && (
        <div className="server-notice">
          <Icon name="alert" />
          <p>
            <strong>The server does not answer.</strong> This page shows what was known before and goes on trying.{' '}
            <span aria-hidden="true">
              Silent for <Silence since={since} />.
            </span>
          </p>
        </div>
      )}
    </div>
  );
}

function Silence({ since }: { since: number }) {
  return formatElapsed(useNow() - since);
}
