import { useEffect, useRef, useState } from 'react';
import type { JobFilter } from './jobFilter';
import { changeJobs, type BulkVerb } from './jobService';

export interface BulkChange {
  phase: 'ready' | 'running' | 'stopping' | 'stopped' | 'failed' | 'done';
  /** So far. */
  changed: number;
  /** It goes on below this id; null: from the newest. */
  before: string | null;
  error: unknown;
}

interface UsedBulkChange extends BulkChange {
  /** Begins, or goes on where it stands. */
  run: () => void;
  /** Ends it after the answer it waits for, so that what was done is known. */
  stop: () => void;
}

/** Changes everything that a filter matches, one answer after the other, for as long as somebody looks. */
export function useBulkChange(verb: BulkVerb, filter: JobFilter, before: string | null): UsedBulkChange {
  const [change, setChange] = useState<BulkChange>({ phase: 'ready', changed: 0, before, error: null });
  const running = useRef<AbortController>(null);

  useEffect(() => () => running.current?.abort(), []);

  async function goOn(): Promise<void> {
    running.current = new AbortController();
    const { signal } = running.current;
    let now: BulkChange = { ...change, phase: 'running', error: null };
    setChange(now);
    while (now.phase === 'running') {
      try {
        const step = await changeJobs(verb, filter, now.before);
        now = {
          ...now,
          changed: now.changed + step.changed,
          before: step.scannedTo ?? now.before,
          phase: step.scannedTo === null ? 'done' : signal.aborted ? 'stopped' : 'running',
        };
      } catch (error) {
        now = { ...now, phase: 'failed', error };
      }
      setChange(now);
    }
  }

  return {
    ...change,
    run: () => void goOn(),
    stop: () => {
      running.current?.abort();
      setChange((now) => ({ ...now, phase: now.phase === 'running' ? 'stopping' : now.phase }));
    },
  };
}
