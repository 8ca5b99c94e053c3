import { formatCount, formatDuration } from '../ui/format';
import type { QueueLimit } from './queueService';

/** In words: "4 at once", "100 starts in 60 seconds". */
export function describeLimit(limit: QueueLimit | null): string {
  if (limit === null) return 'no limit';
  const words = [];
  if (limit.maxRunning > 0) words.push(`${formatCount(limit.maxRunning)} at once`);
  if (limit.maxStarts > 0 && limit.perSeconds !== null)
    words.push(`${formatCount(limit.maxStarts)} starts in ${formatDuration(limit.perSeconds)}`);
  return words.join(', ');
}
