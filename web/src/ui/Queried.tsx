import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ErrorNotice } from './ErrorNotice';
import { Loading } from './Loading';

interface QueriedProps<T> {
  query: UseQueryResult<T>;
  /** Names what is read: "topics". */
  what: string;
  children: (data: T) => ReactNode;
}

/**
 * Shows a query's data, its first loading or its failure. Data that is there stays when a
 * later refresh fails: old figures under a notice are worth more than none.
 */
export function Queried<T>({ query, what, children }: QueriedProps<T>) {
  const retry = () => void query.refetch();
  if (query.data === undefined) {
    if (query.isError) return <ErrorNotice error={query.error} title={`Reading ${what} failed`} onRetry={retry} />;
    return <Loading what={what} />;
  }
  const refused = query.isError && !isUnreachable(query.error);
  return (
    <>
      {refused && <ErrorNotice error={query.error} title={`Refreshing ${what} failed`} onRetry={retry} />}
      {children(query.data)}
    </>
  );
}

// The shell already says that the server does not answer.
function isUnreachable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 0;
}
