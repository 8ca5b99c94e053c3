import { parseExactJson } from '../api/exactJson';
import { Problem } from '../api/problem';
import { reachability } from '../api/reachability';
import { send } from '../api/request';
import { topicPath } from '../topics/topicService';
import { backOff, pause } from './backOff';
import { readEventStream } from './eventStream';
import type { Item } from './itemService';

/** How the stream of a topic stands; `problem` is the server's sentence when it refused. */
export interface StreamState {
  name: 'connecting' | 'live' | 'reconnecting' | 'offline';
  problem: string | null;
}

interface ConnectionOptions {
  topic: string;
  signal: AbortSignal;
  /** Asked before each try: brings the cursor near the end of the topic and answers it. */
  cursor: () => Promise<string>;
  onItem: (item: Item) => void;
  onState: (state: StreamState) => void;
  /** Called whenever bytes prove that the stream lives. */
  onAlive: () => void;
}

/** The server sends something every 15 s; after more than two of those of silence the stream is dead. */
const silenceMilliseconds = 40_000;

/** Keeps one event stream open, reconnecting for as long as the signal does not fire. */
export async function keepConnected({ topic, signal, cursor, onItem, onState, onAlive }: ConnectionOptions) {
  let failures = 0;
  let retryMilliseconds = 2000;

  while (!signal.aborted) {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    signal.addEventListener('abort', stop);
    let watchdog = setTimeout(stop, silenceMilliseconds);
    let problem: Problem | null = null;
    try {
      const after = await cursor();
      signal.throwIfAborted();
      const response = await send(`${topicPath(topic)}/events?after=${encodeURIComponent(after)}`, {
        headers: new Headers({ Accept: 'text/event-stream' }),
        signal: attempt.signal,
      });
      if (!response.body || !(response.headers.get('Content-Type') ?? '').startsWith('text/event-stream')) {
        throw new Problem('Something between this page and the server does not let the live stream through.', 0);
      }
      onState({ name: 'live', problem: null });
      for await (const frame of readEventStream(response.body)) {
        clearTimeout(watchdog);
        watchdog = setTimeout(stop, silenceMilliseconds);
        failures = 0;
        if (frame.kind === 'event') onItem(parseExactJson(frame.data) as Item);
        else if (frame.kind === 'retry') retryMilliseconds = Math.max(100, frame.milliseconds);
        onAlive();
      }
    } catch (error) {
      if (error instanceof Problem) problem = error;
      // A stream that broke in the middle says nothing about the server until the next try.
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener('abort', stop);
      attempt.abort();
    }
    if (isOver(signal)) return;
    onState(afterFailure(problem));
    const asked = (problem?.retryAfter ?? 0) * 1000;
    await pause(Math.max(asked, backOff(failures, retryMilliseconds)), signal, { target: window, event: 'online' });
    failures++;
  }
}

// Read through a function: it changes while the loop waits.
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

function afterFailure(problem: Problem | null): StreamState {
  const offline = !navigator.onLine && reachability.current().since !== null;
  return { name: offline ? 'offline' : 'reconnecting', problem: problem?.status ? problem.message : null };
}
