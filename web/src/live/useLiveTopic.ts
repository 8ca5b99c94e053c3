import { useCallback, useEffect, useReducer, useRef } from 'react';
import { readItemsBefore, type Item } from './itemService';
import { initialState, nextState, type LiveTopicState } from './liveTopicState';
import { scan } from './scan';
import { TopicFollower } from './topicFollower';

/** Arrivals are gathered this long, so that a burst is one change of the page. */
const gatherMilliseconds = 100;

interface LiveTopicOptions {
  topic: string;
  /** Only items whose content has this text; empty for all. */
  q: string;
  /** Keep what arrives beside the rows. */
  holding: boolean;
}

export interface LiveTopic extends LiveTopicState {
  loadOlder: () => void;
  /** Brings the held items in. */
  release: () => void;
  /** Reads the topic from its newest item again. */
  startAgain: () => void;
}

/** Reads a topic, newest first, and follows it. */
export function useLiveTopic({ topic, q, holding }: LiveTopicOptions): LiveTopic {
  const [state, dispatch] = useReducer(nextState, initialState);
  const { log, round } = state;
  const opened = useRef<AbortController>(null);

  const load = useCallback(
    async (before: string, signal: AbortSignal) => {
      dispatch({ kind: 'loading' });
      try {
        await scan({ topic, before, q, signal, onFound: (items, older) => dispatch({ kind: 'loaded', items, older }) });
        dispatch({ kind: 'settled', error: null });
      } catch (error) {
        if (!signal.aborted) dispatch({ kind: 'settled', error });
      }
    },
    [topic, q],
  );

  useEffect(() => {
    const closed = new AbortController();
    opened.current = closed;
    let follower: TopicFollower | undefined;
    const gathered: Item[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;

    const arrive = (items: readonly Item[]) => {
      for (const item of items) if (contains(item, q)) gathered.push(item);
      if (gathered.length > 0) timer ??= setTimeout(deliver, gatherMilliseconds);
    };
    const deliver = () => {
      timer = undefined;
      dispatch({ kind: 'arrived', items: gathered.splice(0) });
    };
    const open = async () => {
      // The newest item divides what is read from what is followed: neither overlaps nor leaves a gap.
      const newest = (await readItemsBefore(topic, 'latest', 1, undefined, closed.signal)).items[0]?.id;
      dispatch({ kind: 'opened', at: newest ?? '0' });
      follower = new TopicFollower({
        topic,
        after: newest ?? '0',
        onItems: arrive,
        onState: (stream) => dispatch({ kind: 'stream', stream }),
        onFarBehind: () => dispatch({ kind: 'start again' }),
      });
      if (newest === undefined) dispatch({ kind: 'settled', error: null });
      else await load((BigInt(newest) + 1n).toString(), closed.signal);
    };
    dispatch({ kind: 'opening' });
    open().catch((error: unknown) => {
      if (!closed.signal.aborted) dispatch({ kind: 'settled', error });
    });

    return () => {
      closed.abort();
      clearTimeout(timer);
      follower?.close();
    };
  }, [topic, q, round, load]);

  useEffect(() => dispatch({ kind: 'held', holding }), [holding]);

  return {
    ...state,
    loadOlder: () => {
      const signal = opened.current?.signal;
      if (log.older !== null && signal) void load(log.older, signal);
    },
    release: () => dispatch({ kind: 'released' }),
    startAgain: () => dispatch({ kind: 'start again' }),
  };
}

/** What the server's search does, for items that arrive: the text anywhere in the content's JSON. */
function contains(item: Item, q: string): boolean {
  return q === '' || JSON.stringify(item.content).toLowerCase().includes(q.toLowerCase());
}
