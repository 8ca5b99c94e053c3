import { useEffect, useState } from 'react';
import { copyText } from './copyText';

export function CopyButton({ text, what }: { text: () => string; what: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'failed' | null>(null);

  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), 2000);
    return () => clearTimeout(timer);
  }, [outcome]);

  return (
    <button
      type="button"
      className="button button-small"
      onClick={() => {
        void copyText(text()).then((done) => setOutcome(done ? 'copied' : 'failed'));
      }}
    >
      <span aria-live="polite">
        {outcome === null ? `Copy ${what}` : outcome === 'copied' ? 'Copied' : 'Not copied'}
      </span>
    </button>
  );
}
