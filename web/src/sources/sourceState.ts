import type { Tone } from '../ui/Badge';
import type { Source, SourceState } from './sourceService';

export const sourceTones: Record<SourceState, Tone> = {
  waiting: 'good',
  polling: 'info',
  failing: 'bad',
  paused: 'neutral',
  gone: 'bad',
  listening: 'good',
};

/** Its items are brought: there are no polls of it. */
export function isListenedTo(source: Source): boolean {
  return source.kind === 'amqp' || source.state === 'listening';
}

export function sourceIsFailing(source: Source): boolean {
  return source.state === 'failing' || source.state === 'gone';
}
