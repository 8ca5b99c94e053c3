import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { Panel } from '../ui/Panel';
import { Queried } from '../ui/Queried';
import { jobLogQuery, type Job, type JobLogLine } from './jobService';
import { hasEnded } from './jobState';

/** What the job has written, the newest line last. */
export function JobLog({ job }: { job: Job }) {
  const ended = hasEnded(job.state);
  // The end is part of the key, so that the last lines are read once more.
  const log = useQuery({
    ...jobLogQuery(job.id, ended ? `${job.state} ${job.endedAt ?? ''}` : 'live'),
    refetchInterval: ended ? false : 1000,
    placeholderData: keepPreviousData,
  });
  return (
    <Panel title="Log">
      <Queried query={log} what="the log">
        {(lines) =>
          lines.length === 0 ? (
            <p className="quiet">{ended ? 'It wrote nothing.' : 'It has written nothing yet.'}</p>
          ) : (
            <LogLines lines={lines} />
          )
        }
      </Queried>
    </Panel>
  );
}

function LogLines({ lines }: { lines: readonly JobLogLine[] }) {
  const box = useFollowedEnd(lines.length);
  const attempts = lines[0]?.attempt !== lines.at(-1)?.attempt;
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so keys must reach it
    <div ref={box} className="log" tabIndex={0} role="region" aria-label="Log lines">
      <ol>
        {lines.map((line, index) => (
          <li key={index} className={`log-line log-${line.level}`}>
            <time dateTime={line.at} title={line.at} className="log-time">
              {clockTime(line.at)}
            </time>
            {attempts && <span className="log-attempt">attempt {line.attempt}</span>}
            <span className="log-level">{line.level}</span>
            <span className="log-text" dir="auto">
              {line.text}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** Keeps the end of a growing box in sight, unless the reader has scrolled away from it. */
function useFollowedEnd(length: number) {
  const box = useRef<HTMLDivElement>(null);
  const heightBefore = useRef(0);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (element.scrollTop + element.clientHeight >= heightBefore.current - 8) element.scrollTop = element.scrollHeight;
    heightBefore.current = element.scrollHeight;
  }, [length]);
  return box;
}

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

function clockTime(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time : clock.format(at);
}
