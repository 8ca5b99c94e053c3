import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach, vi } from 'vitest';
import { reachability } from '../api/reachability';
import { session } from '../session/session';
import { holdPolls } from './polls';

// jsdom has the element but not its methods.
HTMLDialogElement.prototype.showModal = function () {
  this.setAttribute('open', '');
};
HTMLDialogElement.prototype.close = function () {
  this.removeAttribute('open');
};
window.scrollTo = () => undefined;

// A deadline, not a pace: the machine may be busy.
configure({ asyncUtilTimeout: 10_000 });
holdPolls();

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  session.signIn('');
  sessionStorage.clear();
  reachability.succeeded();
});
