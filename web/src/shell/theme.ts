import { createStore } from '../ui/store';

export type Theme = 'system' | 'light' | 'dark';

// public/theme.js reads the same key before the first paint.
const storageKey = 'databus.theme';

const store = createStore<Theme>(read());

export const theme = {
  subscribe: store.subscribe,
  current: store.get,
  choose(chosen: Theme): void {
    if (chosen === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    try {
      if (chosen === 'system') localStorage.removeItem(storageKey);
      else localStorage.setItem(storageKey, chosen);
    } catch {
      // Storage is switched off: the choice lives as long as the page.
    }
    store.set(chosen);
  },
};

function read(): Theme {
  try {
    const kept = localStorage.getItem(storageKey);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}
