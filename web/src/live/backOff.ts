const longestMilliseconds = 15_000;

/**
 * How long to wait before try number `failures` + 1: doubles from `base`, never over 15 s,
 * with up to half taken off by chance so that many tabs do not come back at once.
 */
export function backOff(failures: number, base: number, random: () => number = Math.random): number {
  const full = Math.min(longestMilliseconds, base * 2 ** Math.min(failures, 10));
  return full * (1 - random() / 2);
}

/** Waits, or stops waiting when the signal fires or one of the events says that a try is worth it now. */
export function pause(milliseconds: number, signal: AbortSignal, until?: { target: EventTarget; event: string }) {
  return new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      until?.target.removeEventListener(until.event, done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
    until?.target.addEventListener(until.event, done);
    if (signal.aborted) done();
  });
}
