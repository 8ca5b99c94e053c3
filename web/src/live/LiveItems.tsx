import { useRef } from 'react';
import { Empty } from '../ui/Empty';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Icon } from '../ui/Icon';
import { Loading } from '../ui/Loading';
import { SearchField } from '../ui/SearchField';
import { ItemRow } from './ItemRow';
import { isNewer } from './itemService';
import { NewItemsPill } from './NewItemsPill';
import { OlderItems } from './OlderItems';
import { StreamBadge } from './StreamBadge';
import { useLiveTopic } from './useLiveTopic';
import { useScrolledAway } from './useScrolledAway';
import type { SearchText } from './useSearchText';

interface LiveItemsProps {
  topic: string;
  search: SearchText;
  paused: boolean;
  onPause: (paused: boolean) => void;
}

export function LiveItems({ topic, search, paused, onPause }: LiveItemsProps) {
  const toolbar = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const away = useScrolledAway(top, toolbar);
  const live = useLiveTopic({ topic, q: search.q, holding: paused || away });
  const { log, openedAt } = live;

  const showNew = () => {
    live.release();
    window.scrollTo({ top: 0 });
    toolbar.current?.focus({ preventScroll: true });
  };

  return (
    <>
      <div className="toolbar live-toolbar" ref={toolbar} tabIndex={-1} role="group" aria-label="Live view">
        <SearchField label="Search items" placeholder="Search in content" value={search.typed} onChange={search.type} />
        <StreamBadge stream={live.stream} paused={paused} />
        <button type="button" className="button" aria-pressed={paused} onClick={() => onPause(!paused)}>
          <Icon name={paused ? 'play' : 'pause'} />
          {paused ? 'Resume' : 'Pause'}
        </button>
        <NewItemsPill count={log.heldCount} onShow={showNew} />
      </div>
      {live.stream.problem !== null && (
        <p className="notice notice-warn">The live stream was refused: {live.stream.problem} Trying again.</p>
      )}
      <div ref={top} className="live-list">
        {log.rows.length > 0 && (
          <ol className="items" aria-label="Items, newest first">
            {log.rows.map((item) => (
              <ItemRow key={item.id} item={item} fresh={openedAt !== null && isNewer(item.id, openedAt)} />
            ))}
          </ol>
        )}
        {log.rows.length === 0 && !live.loading && live.error === null && log.older === null && (
          <NoItems topic={topic} q={search.q} onClear={() => search.type('')} />
        )}
        {live.loading && log.rows.length === 0 && <Loading what="items" />}
        {live.error !== null && (
          <ErrorNotice
            error={live.error}
            title="Reading items failed"
            onRetry={log.older === null ? live.startAgain : live.loadOlder}
          />
        )}
        {live.error === null && (
          <OlderItems log={log} searching={search.q !== ''} loading={live.loading} onLoad={live.loadOlder} />
        )}
      </div>
    </>
  );
}

function NoItems({ topic, q, onClear }: { topic: string; q: string; onClear: () => void }) {
  if (q !== '') {
    return (
      <Empty title={`No item contains “${q}”.`}>
        <p>Items that arrive and contain it will appear here.</p>
        <button type="button" className="button button-small" onClick={onClear}>
          Show all items
        </button>
      </Empty>
    );
  }
  return (
    <Empty title="This topic is empty.">
      <p>What is added appears here by itself. For example:</p>
      <pre className="sample">
        {`curl "${window.location.origin}/add?topic=${topic}" \\\n  --json '{"city":"Oslo","price":900}'`}
      </pre>
    </Empty>
  );
}
