import { formatCount } from '../ui/format';
import { jobStateMeanings, jobStates, type JobState } from './jobState';

interface StateFilterProps {
  chosen: readonly JobState[];
  /** Of the states that are counted. */
  counts: ReadonlyMap<JobState, number> | undefined;
  onChange: (states: JobState[]) => void;
}

/** The states a job can be in, each a switch of the filter; with how many stand in it now. */
export function StateFilter({ chosen, counts, onChange }: StateFilterProps) {
  const toggle = (state: JobState) => onChange(jobStates.filter((each) => chosen.includes(each) !== (each === state)));
  return (
    <div className="chips" role="group" aria-label="State">
      <button type="button" className="chip" aria-pressed={chosen.length === 0} onClick={() => onChange([])}>
        all
      </button>
      {jobStates.map((state) => {
        const count = counts?.get(state);
        return (
          <button
            key={state}
            type="button"
            className={`chip chip-${state}`}
            aria-pressed={chosen.includes(state)}
            title={jobStateMeanings[state]}
            onClick={() => toggle(state)}
          >
            {state} {count !== undefined && <span className="chip-count">{formatCount(count)}</span>}
          </button>
        );
      })}
    </div>
  );
}
