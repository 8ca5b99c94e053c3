import { QueryClientProvider, type QueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useSyncExternalStore } from 'react';
import { BrowserRouter, Route, Routes } from 'react-router';
import { JobPage } from './jobs/JobPage';
import { JobsPage } from './jobs/JobsPage';
import { TopicLivePage } from './live/TopicLivePage';
import { NodesPage } from './nodes/NodesPage';
import { OverviewPage } from './overview/OverviewPage';
import { QueuesPage } from './queues/QueuesPage';
import { SchedulesPage } from './schedules/SchedulesPage';
import { session } from './session/session';
import { SignInPage } from './session/SignInPage';
import { NotFoundPage } from './shell/NotFoundPage';
import { Shell } from './shell/Shell';
import { SourcesPage } from './sources/SourcesPage';
import { SubscriptionPage } from './subscriptions/SubscriptionPage';
import { SubscriptionsPage } from './subscriptions/SubscriptionsPage';
import { TopicsPage } from './topics/TopicsPage';
import { Loading } from './ui/Loading';
import { WordCountPage } from './words/WordCountPage';

// Few people open it, and it is the largest page.
const ApiPage = lazy(() => import('./explorer/ApiPage'));

export function App({ queries }: { queries: QueryClient }) {
  const { signInNeeded } = useSyncExternalStore(session.subscribe, session.current);

  // Nothing that was read with a token outlives it.
  useEffect(() => {
    if (signInNeeded) queries.clear();
  }, [signInNeeded, queries]);

  if (signInNeeded) return <SignInPage />;
  return (
    <QueryClientProvider client={queries}>
      <BrowserRouter>
        <Routes>
          <Route element={<Shell />}>
            <Route index element={<OverviewPage />} />
            <Route path="topics" element={<TopicsPage />} />
            <Route path="topics/:topic" element={<TopicLivePage />} />
            <Route path="subscriptions" element={<SubscriptionsPage />} />
            <Route path="subscriptions/:topic/:subscription" element={<SubscriptionPage />} />
            <Route path="sources" element={<SourcesPage />} />
            <Route path="jobs" element={<JobsPage />} />
            <Route path="jobs/:job" element={<JobPage />} />
            <Route path="queues" element={<QueuesPage />} />
            <Route path="schedules" element={<SchedulesPage />} />
            <Route path="word-count" element={<WordCountPage />} />
            <Route path="nodes" element={<NodesPage />} />
            <Route
              path="docs"
              element={
                <Suspense fallback={<Loading what="the API page" />}>
                  <ApiPage />
                </Suspense>
              }
            />
            <Route path="*" element={<NotFoundPage />} />
          </Route>
        </Routes>
      </BrowserRouter>
    </QueryClientProvider>
  );
}
