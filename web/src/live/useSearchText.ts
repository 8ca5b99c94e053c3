import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';

const settleMilliseconds = 350;

export interface SearchText {
  /** What stands in the box. */
  typed: string;
  type: (text: string) => void;
  /** What is searched for: the text once typing has paused, kept in the address. */
  q: string;
}

export function useSearchText(): SearchText {
  const [params, setParams] = useSearchParams();
  const q = params.get('q') ?? '';
  const [typed, setTyped] = useState(q);

  useEffect(() => {
    const settled = typed.trim();
    if (settled === q) return;
    const timer = setTimeout(
      () => setParams(settled === '' ? {} : { q: settled }, { replace: true }),
      settleMilliseconds,
    );
    return () => clearTimeout(timer);
  }, [typed, q, setParams]);

  return { typed, type: setTyped, q };
}
