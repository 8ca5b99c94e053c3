import { Field, type FieldText } from './Field';

interface SelectFieldProps<Value extends string> extends FieldText {
  value: Value;
  onChange: (value: Value) => void;
  options: readonly (readonly [value: Value, label: string])[];
}

export function SelectField<Value extends string>({ value, onChange, options, ...text }: SelectFieldProps<Value>) {
  return (
    <Field {...text}>
      {(described) => (
        <select {...described} value={value} onChange={(event) => onChange(event.target.value as Value)}>
          {options.map(([each, name]) => (
            <option key={each} value={each}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
