import type { InputHTMLAttributes } from 'react';
import { Field, type FieldText } from './Field';

interface TextFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange' | 'value' | 'id'>, FieldText {
  value: string;
  onChange: (value: string) => void;
}

export function TextField({ label, value, onChange, hint, problem, ...input }: TextFieldProps) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(described) => (
        <input {...input} {...described} value={value} onChange={(event) => onChange(event.target.value)} />
      )}
    </Field>
  );
}
