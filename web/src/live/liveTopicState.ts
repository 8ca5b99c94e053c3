import type { StreamState } from './connection';
import { emptyLog, hasOverflown, nextLog, type LiveLog, type LiveLogEvent } from './liveLog';

export interface LiveTopicState {
  log: LiveLog;
  /** Counts how often the topic was read from its newest item; a change starts that again. */
  round: number;
  /** The newest id when the round began: rows above it arrived since. */
  openedAt: string | null;
  stream: StreamState;
  loading: boolean;
  error: unknown;
}

export type LiveTopicEvent =
  | { kind: 'opening' }
  | { kind: 'opened'; at: string }
  | { kind: 'stream'; stream: StreamState }
  | { kind: 'loading' }
  | { kind: 'settled'; error: unknown }
  | { kind: 'start again' }
  | LiveLogEvent;

export const initialState: LiveTopicState = {
  log: emptyLog,
  round: 0,
  openedAt: null,
  stream: { name: 'connecting', problem: null },
  loading: true,
  error: null,
};

export function nextState(state: LiveTopicState, event: LiveTopicEvent): LiveTopicState {
  switch (event.kind) {
    case 'opening':
      return { ...initialState, log: { ...emptyLog, holding: state.log.holding }, round: state.round };
    case 'opened':
      return { ...state, openedAt: event.at };
    case 'stream':
      return { ...state, stream: event.stream };
    case 'loading':
      return { ...state, loading: true, error: null };
    case 'settled':
      return { ...state, loading: false, error: event.error };
    case 'start again':
      return { ...state, round: state.round + 1 };
    case 'loaded':
    case 'arrived':
      return { ...state, log: nextLog(state.log, event) };
    case 'held':
    case 'released': {
      // More was held than was kept: only the topic itself can still show it without a hole.
      const lost = hasOverflown(state.log) && (event.kind === 'released' || !event.holding);
      return { ...state, log: nextLog(state.log, event), round: lost ? state.round + 1 : state.round };
    }
  }
}
