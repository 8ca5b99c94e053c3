import { useSyncExternalStore } from 'react';
import { noticeStore } from './announce';

export function Notices() {
  const notices = useSyncExternalStore(noticeStore.subscribe, noticeStore.get);
  return (
    <div className="notices" role="status" aria-live="polite">
      {notices.map((notice) => (
        <p key={notice.id} className="toast">
          {notice.text}
        </p>
      ))}
    </div>
  );
}
