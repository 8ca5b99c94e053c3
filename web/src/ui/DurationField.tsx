import { useState } from 'react';
import { Field, type FieldText } from './Field';

const units: readonly [seconds: number, name: string][] = [
  [1, 'seconds'],
  [60, 'minutes'],
  [3_600, 'hours'],
  [86_400, 'days'],
];

interface DurationFieldProps extends FieldText {
  /** Null: the field is empty. */
  seconds: number | null;
  onChange: (seconds: number | null) => void;
  /** In seconds, of the unit that an empty field begins with. Default: hours. */
  unit?: number;
  required?: boolean;
}

/** A length of time as a number and a unit. */
export function DurationField({ seconds, onChange, unit = 3_600, required, ...text }: DurationFieldProps) {
  const [typed, setTyped] = useState(() => split(seconds, unit));
  const [known, setKnown] = useState(seconds);
  // Changed from outside; what is being typed stays in the unit it is typed in.
  if (seconds !== known) {
    setKnown(seconds);
    if (secondsOf(typed) !== seconds) setTyped(split(seconds, typed.unit));
  }

  const change = (next: Typed) => {
    setTyped(next);
    onChange(secondsOf(next));
  };

  return (
    <Field {...text}>
      {(described) => (
        <div className="duration">
          <input
            {...described}
            type="number"
            min="0"
            step="any"
            required={required}
            value={typed.amount}
            onChange={(event) => change({ ...typed, amount: event.target.value })}
          />
          <select
            aria-label={`${text.label}: unit`}
            value={typed.unit}
            onChange={(event) => change({ ...typed, unit: Number(event.target.value) })}
          >
            {units.map(([length, name]) => (
              <option key={name} value={length}>
                {name}
              </option>
            ))}
          </select>
        </div>
      )}
    </Field>
  );
}

interface Typed {
  amount: string;
  /** In seconds. */
  unit: number;
}

function split(seconds: number | null, emptyUnit: number): Typed {
  if (seconds === null) return { amount: '', unit: emptyUnit };
  const unit = units.findLast(([length]) => seconds % length === 0)?.[0] ?? 1;
  return { amount: String(seconds / unit), unit };
}

function secondsOf({ amount, unit }: Typed): number | null {
  const number = Number(amount);
  // Rounded to what a length of time is kept in, so that 0.1 hours are 360 seconds and not a bit more.
  return amount.trim() === '' || !(number > 0) ? null : Math.round(number * unit * 1000) / 1000;
}
