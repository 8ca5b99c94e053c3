import { timeoutManager } from '@tanstack/react-query';
import { act } from '@testing-library/react';

/** What the pages would read again after a while, by the number of its interval. */
const polls = new Map<number, () => void>();
let last = 0;

/** Pages read nothing again by themselves: when they do, is for the test to say. */
export function holdPolls(): void {
  timeoutManager.setTimeoutProvider<number>({
    setTimeout: (callback, delay) => window.setTimeout(callback, delay),
    clearTimeout: (id) => window.clearTimeout(id),
    setInterval: (callback) => {
      polls.set(++last, callback);
      return last;
    },
    clearInterval: (id) => {
      if (id !== undefined) polls.delete(id);
    },
  });
}

/** Lets each interval of the open page pass once. */
export function poll(): void {
  act(() => {
    for (const read of [...polls.values()]) read();
  });
}
