import { createStore } from './store';

export interface Notice {
  id: number;
  text: string;
}

const lifetimeMilliseconds = 5000;
let next = 1;

export const noticeStore = createStore<readonly Notice[]>([]);

/** Says for a few seconds that something was done. Failures stay where they happened instead. */
export function announce(text: string): void {
  const notice = { id: next++, text };
  noticeStore.set([...noticeStore.get().slice(-2), notice]);
  setTimeout(() => {
    noticeStore.set(noticeStore.get().filter((n) => n.id !== notice.id));
  }, lifetimeMilliseconds);
}
