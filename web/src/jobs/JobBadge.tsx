import { Badge } from '../ui/Badge';
import { jobTones, type JobState } from './jobState';

/** @param stopping It was asked to stop and has not done so yet. */
export function JobBadge({ state, stopping = false }: { state: JobState; stopping?: boolean }) {
  if (stopping && state === 'running') return <Badge tone="warn">stopping</Badge>;
  return <Badge tone={jobTones[state]}>{state}</Badge>;
}
