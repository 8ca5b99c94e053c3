import { QueryClient } from '@tanstack/react-query';

/** The pages poll, so a read that fails is not repeated at once. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // The server may run on this machine: whether the browser is online says nothing.
      queries: { retry: false, networkMode: 'always', refetchOnWindowFocus: true },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}
