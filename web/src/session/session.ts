import { createStore } from '../ui/store';

const storageKey = 'databus.token';

interface Session {
  /** The bearer token of this tab, or null in a setting that needs none. */
  token: string | null;
  /** The server wants a token and has none, or not a good one. */
  signInNeeded: boolean;
}

const store = createStore<Session>({ token: read(), signInNeeded: false });

export const session = {
  subscribe: store.subscribe,
  current: store.get,
  token: (): string | null => store.get().token,

  signIn(token: string): void {
    write(token);
    store.set({ token, signInNeeded: false });
  },

  signOut(): void {
    write(null);
    store.set({ token: null, signInNeeded: true });
  },

  /** Called for each 401. One that belongs to an earlier token says nothing about the present one. */
  refused(usedToken: string | null): void {
    const { token, signInNeeded } = store.get();
    if (usedToken !== token || (signInNeeded && token === null)) return;
    write(null);
    store.set({ token: null, signInNeeded: true });
  },
};

// The tab's storage may be switched off; the token then lives as long as the page.
function read(): string | null {
  try {
    return sessionStorage.getItem(storageKey);
  } catch {
    return null;
  }
}

function write(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(storageKey);
    else sessionStorage.setItem(storageKey, token);
  } catch {
    // Kept in memory only.
  }
}
