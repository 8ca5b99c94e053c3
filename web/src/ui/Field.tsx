import { useId, type ReactNode } from 'react';

/** What a form's field says about itself, whatever is typed or chosen in it. */
export interface FieldText {
  label: string;
  hint?: string | undefined;
  /** What the server said about this field. */
  problem?: string | undefined;
}

/** For the control itself, so that label, hint and problem are read out with it. */
export interface Described {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': boolean;
}

interface FieldProps extends FieldText {
  children: (described: Described) => ReactNode;
}

/** The frame of a field: its label above, its hint and its problem below. */
export function Field({ label, hint, problem, children }: FieldProps) {
  const id = useId();
  const hintId = hint === undefined ? undefined : `${id}-hint`;
  const problemId = problem === undefined ? undefined : `${id}-problem`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        'aria-describedby': [hintId, problemId].filter(Boolean).join(' ') || undefined,
        'aria-invalid': problem !== undefined,
      })}
      {hint !== undefined && (
        <p id={hintId} className="field-hint">
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p id={problemId} className="field-problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
