import { QueryClient } from '@tanstack/react-query';

/** The pages poll, so a read that fails is not repeated at once. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // The server may run on this machine: whether the browser is online says nothing.
      // Nor are old answers woven into new ones: a number kept as its digits would be taken apart (`parseExactJson`).
      queries: { retry: false, networkMode: 'always', refetchOnWindowFocus: true, structuralSharing: false },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}
