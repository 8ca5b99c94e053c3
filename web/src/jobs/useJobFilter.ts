import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { filterParams, parseFilter, type JobFilter } from './jobFilter';

export interface UsedJobFilter {
  filter: JobFilter;
  /** Below which id the page begins; null: at the newest. */
  before: string | null;
  /** Changes some of it. The list begins at the newest again. */
  change: (changes: Partial<JobFilter>) => void;
}

/** The filter of a list of jobs, kept in the address. */
export function useJobFilter(): UsedJobFilter {
  const [params, setParams] = useSearchParams();
  const filter = useMemo(() => parseFilter(params), [params]);
  const before = params.get('before');
  const change = useCallback(
    (changes: Partial<JobFilter>) =>
      setParams((now) => filterParams({ ...parseFilter(now), ...changes }), { replace: true }),
    [setParams],
  );
  return { filter, before: before !== null && /^\d{1,19}$/.test(before) ? before : null, change };
}
