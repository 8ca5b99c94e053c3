import type { Tone } from '../ui/Badge';
import type { Source, SourceState } from './sourceService';

export const sourceTones: Record<SourceState, Tone> = {
  waiting: 'good',
  polling: 'info',
  failing: 'bad',
  paused: 'neutral',
  gone: 'bad',
};

export function sourceIsFailing(source: Source): boolean {
  return source.state === 'failing' || source.state === 'gone';
}
