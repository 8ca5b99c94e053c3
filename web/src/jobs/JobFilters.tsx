import { useCallback, useId, useState } from 'react';
import type { Queue } from '../queues/queueService';
import { addUpCounts, listedQueues } from '../queues/queueCounts';
import { DurationField } from '../ui/DurationField';
import { SearchField } from '../ui/SearchField';
import { TextField } from '../ui/TextField';
import { useSettledText } from '../ui/useSettledText';
import { everyJob, matchesEveryJob, type JobFilter } from './jobFilter';
import { StateFilter } from './StateFilter';

interface JobFiltersProps {
  filter: JobFilter;
  queues: readonly Queue[] | undefined;
  onChange: (changes: Partial<JobFilter>) => void;
}

export function JobFilters({ filter, queues, onChange }: JobFiltersProps) {
  const queueId = useId();
  const settleText = useCallback((q: string) => onChange({ q: q === '' ? null : q }), [onChange]);
  const settleName = useCallback((name: string) => onChange({ name: name === '' ? null : name }), [onChange]);
  const [text, typeText] = useSettledText(filter.q ?? '', settleText);
  const [name, typeName] = useSettledText(filter.name ?? '', settleName);
  const names = [...new Set([...(queues ?? []).map((queue) => queue.name), ...(filter.queue ? [filter.queue] : [])])];

  return (
    <div className="stack job-filters">
      <StateFilter
        chosen={filter.states}
        counts={queues && addUpCounts(listedQueues(queues, filter.queue))}
        onChange={(states) => onChange({ states })}
      />
      <div className="toolbar">
        <SearchField label="Search arguments" placeholder="Text in the arguments" value={text} onChange={typeText} />
        <SearchField label="Job name" placeholder="Whole name" value={name} onChange={typeName} />
        <div className="queue-choice">
          <label htmlFor={queueId} className="visually-hidden">
            Queue
          </label>
          <select
            id={queueId}
            value={filter.queue ?? ''}
            onChange={(event) => onChange({ queue: event.target.value === '' ? null : event.target.value })}
          >
            <option value="">All but polls of sources</option>
            {names.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </div>
        {!matchesEveryJob(filter) && (
          <button type="button" className="button button-small" onClick={() => onChange(everyJob)}>
            Clear filter
          </button>
        )}
      </div>
      <TimeFilter filter={filter} onChange={onChange} />
    </div>
  );
}

function TimeFilter({ filter, onChange }: Pick<JobFiltersProps, 'filter' | 'onChange'>) {
  const used = filter.enqueuedAfter !== null || filter.enqueuedBefore !== null || filter.olderThanSeconds !== null;
  const [open, setOpen] = useState(used);
  return (
    <details className="time-filter" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Filter by time{used && !open ? ' (in use)' : ''}</summary>
      <div className="field-row">
        <TextField
          label="Enqueued after"
          type="datetime-local"
          value={localTime(filter.enqueuedAfter)}
          onChange={(text) => onChange({ enqueuedAfter: instant(text) })}
        />
        <TextField
          label="Enqueued before"
          type="datetime-local"
          value={localTime(filter.enqueuedBefore)}
          onChange={(text) => onChange({ enqueuedBefore: instant(text) })}
        />
        <DurationField
          label="Older than"
          seconds={filter.olderThanSeconds}
          onChange={(olderThanSeconds) => onChange({ olderThanSeconds })}
          hint="From the enqueuing to the end, or until now."
        />
      </div>
    </details>
  );
}

/** A time as the browser's field for it takes it: local, to the minute. */
function localTime(time: string | null): string {
  if (time === null) return '';
  const at = new Date(time);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function instant(text: string): string | null {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}
