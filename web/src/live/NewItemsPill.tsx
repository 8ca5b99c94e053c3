import { useEffect, useRef, useState } from 'react';
import { Icon } from '../ui/Icon';
import { plural } from '../ui/format';

/** Screen readers hear the count this often at most: it can change many times a second. */
const announceMilliseconds = 3000;

export function NewItemsPill({ count, onShow }: { count: number; onShow: () => void }) {
  const announced = useAnnounced(count);
  return (
    <div className="pill-place">
      {count > 0 && (
        <button type="button" className="pill" onClick={onShow} title="Show them (Home key)">
          <Icon name="up" />
          {plural(count, 'new item')}
        </button>
      )}
      <p className="visually-hidden" role="status">
        {announced > 0 && `${plural(announced, 'new item')} above`}
      </p>
    </div>
  );
}

/** The count as it was last said aloud. */
function useAnnounced(count: number): number {
  const [announced, setAnnounced] = useState(0);
  const latest = useRef(count);
  useEffect(() => {
    latest.current = count;
  }, [count]);
  const some = count > 0;
  useEffect(() => {
    if (!some) return;
    const timer = setInterval(() => setAnnounced(latest.current), announceMilliseconds);
    return () => {
      clearInterval(timer);
      setAnnounced(0);
    };
  }, [some]);
  return announced;
}
