import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Problem } from '../api/problem';
import { TimeAgo } from '../ui/TimeAgo';
import { previewQuery, type ScheduleRule } from './scheduleService';

const runsShown = 5;
const settleMilliseconds = 300;

interface NextRunsProps {
  /** Null: there is no rule yet. */
  rule: ScheduleRule | null;
}

/** When a rule would run next, said by the server while the rule is being typed. */
export function NextRuns({ rule }: NextRunsProps) {
  const settled = useSettledRule(rule);
  const preview = useQuery({
    ...previewQuery(settled ?? { everySeconds: null, cron: null, zone: 'UTC' }, runsShown),
    enabled: settled !== null,
    placeholderData: keepPreviousData,
  });
  const refused = preview.error instanceof Problem ? preview.error.message : null;
  return (
    <section className="next-runs" aria-label="Next runs" aria-live="polite">
      <h3>Next runs</h3>
      {settled === null && <p className="quiet">They show when there is a rule.</p>}
      {settled !== null && refused !== null && <p className="field-problem">{refused}</p>}
      {settled !== null && refused === null && preview.data?.length === 0 && (
        <p className="field-problem">It never runs.</p>
      )}
      {settled !== null && refused === null && preview.data && (
        <ol>
          {preview.data.map((time) => (
            <li key={time}>
              {formatIn(settled.zone, time)}{' '}
              <span className="quiet">
                <TimeAgo time={time} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** The rule once typing has paused. */
function useSettledRule(rule: ScheduleRule | null): ScheduleRule | null {
  const [settled, setSettled] = useState(rule);
  const text = JSON.stringify(rule);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text) as ScheduleRule | null), settleMilliseconds);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

/** In the schedule's own zone, which is the one its rule speaks of. */
function formatIn(zone: string, time: string): string {
  const options = { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' } as const;
  const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' } as const;
  try {
    return new Intl.DateTimeFormat('en-GB', { ...options, ...clock, timeZone: zone }).format(new Date(time));
  } catch {
    // The browser does not know the zone; the server does.
    return time;
  }
}
