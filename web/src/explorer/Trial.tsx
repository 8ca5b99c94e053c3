import { useMutation } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { Problem } from '../api/problem';
import { CopyButton } from '../ui/CopyButton';
import { ErrorNotice } from '../ui/ErrorNotice';
import { TextField } from '../ui/TextField';
import type { Operation } from './openapi';
import { trialCommand, tryOperation, type TrialInput } from './trial';
import { TrialResult } from './TrialResult';

/** A form that sends one operation to this server. */
export function Trial({ operation }: { operation: Operation }) {
  const [values, setValues] = useState<Record<string, string>>({});
  const [bodyType, setBodyType] = useState(operation.body?.types[0]?.type ?? null);
  const [body, setBody] = useState(operation.body?.types[0]?.example ?? '');
  const typeId = useId();
  const bodyId = useId();
  const input: TrialInput = { values, bodyType, body };

  const trial = useMutation({
    mutationFn: () =>
      tryOperation(operation, input).catch((error: unknown) => {
        throw error instanceof TypeError ? Problem.unreachable() : error;
      }),
  });

  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        trial.mutate();
      }}
    >
      {operation.parameters.length > 0 && (
        <div className="field-grid">
          {operation.parameters.map((parameter) => {
            const key = `${parameter.in}:${parameter.name}`;
            return (
              <TextField
                key={key}
                label={`${parameter.name} (${parameter.in}${parameter.required ? ', required' : ''})`}
                value={values[key] ?? ''}
                onChange={(value) => setValues({ ...values, [key]: value })}
                required={parameter.required === true}
                autoComplete="off"
                spellCheck={false}
                {...(parameter.description === undefined ? {} : { hint: parameter.description })}
              />
            );
          })}
        </div>
      )}
      {operation.body && (
        <>
          {operation.body.types.length > 1 && (
            <div className="field">
              <label htmlFor={typeId}>Content type</label>
              <select
                id={typeId}
                value={bodyType ?? ''}
                onChange={(event) => {
                  setBodyType(event.target.value);
                  setBody(operation.body?.types.find((t) => t.type === event.target.value)?.example ?? '');
                }}
              >
                {operation.body.types.map(({ type }) => (
                  <option key={type}>{type}</option>
                ))}
              </select>
            </div>
          )}
          <div className="field">
            <label htmlFor={bodyId}>Body</label>
            <textarea
              id={bodyId}
              className="code-input"
              rows={Math.min(14, Math.max(4, body.split('\n').length))}
              value={body}
              onChange={(event) => setBody(event.target.value)}
              spellCheck={false}
            />
            {operation.body.description !== '' && <p className="field-hint">{operation.body.description}</p>}
          </div>
        </>
      )}
      <div className="buttons">
        <button type="submit" className="button button-primary" disabled={trial.isPending}>
          {trial.isPending ? 'Sending…' : 'Send'}
        </button>
        <CopyButton what="as curl" text={() => trialCommand(operation, input)} />
      </div>
      {trial.isError && <ErrorNotice error={trial.error} />}
      {trial.data && <TrialResult answer={trial.data} to={`${operation.method} ${operation.path}`} />}
    </form>
  );
}
