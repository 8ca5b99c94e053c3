import { useEffect, useState } from 'react';

const settleMilliseconds = 350;

/** Text that takes effect once typing has paused: what stands in the box, and what to call when it changes. */
export function useSettledText(settled: string, settle: (text: string) => void): [string, (text: string) => void] {
  const [typed, setTyped] = useState(settled);
  const [known, setKnown] = useState(settled);
  // Somebody else changed it (a link, a button that clears): the box follows.
  if (settled !== known) {
    setKnown(settled);
    if (typed.trim() !== settled) setTyped(settled);
  }

  useEffect(() => {
    const text = typed.trim();
    if (text === settled) return;
    const timer = setTimeout(() => settle(text), settleMilliseconds);
    return () => clearTimeout(timer);
  }, [typed, settled, settle]);

  return [typed, setTyped];
}
