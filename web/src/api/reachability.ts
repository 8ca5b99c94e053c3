import { createStore } from '../ui/store';

/** Whether the last request got any answer; `since` is the time of the first one that did not. */
interface Reachability {
  since: number | null;
}

const store = createStore<Reachability>({ since: null });

export const reachability = {
  subscribe: store.subscribe,
  current: store.get,
  failed(): void {
    if (store.get().since === null) store.set({ since: Date.now() });
  },
  succeeded(): void {
    if (store.get().since !== null) store.set({ since: null });
  },
};
