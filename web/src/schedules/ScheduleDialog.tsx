import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { Problem } from '../api/problem';
import { announce } from '../ui/announce';
import { Dialog } from '../ui/Dialog';
import { DurationField } from '../ui/DurationField';
import { ErrorNotice } from '../ui/ErrorNotice';
import { SelectField } from '../ui/SelectField';
import { TextField } from '../ui/TextField';
import { describeRule } from './describeRule';
import { NextRuns } from './NextRuns';
import { checkForm, formOf, ruleOf, settingsOf, type ScheduleForm } from './scheduleForm';
import { putSchedule, schedulesQuery, type CatchUp, type Overlap, type Schedule } from './scheduleService';

const catchUps: readonly (readonly [CatchUp, string])[] = [
  ['none', 'Let them go'],
  ['latest', 'Run once for all of them'],
  ['all', 'Run each'],
];

const overlaps: readonly (readonly [Overlap, string])[] = [
  ['skip', 'Skip the tick'],
  ['queue', 'Wait for its end'],
  ['cancelOld', 'Cancel the earlier one'],
  ['allow', 'Run both'],
];

/** Which field of the form shows what the server says about one of its own. */
const fieldOf: Record<string, keyof ScheduleForm> = {
  schedule: 'name',
  everySeconds: 'everySeconds',
  cron: 'cron',
  zone: 'zone',
  'job.name': 'jobName',
  'job.arguments': 'argumentsText',
  'job.queue': 'queue',
  'job.maxAttempts': 'maxAttempts',
  catchUpLimit: 'catchUpLimit',
  jitterSeconds: 'jitterSeconds',
};

interface ScheduleDialogProps {
  /** Null: a new one. */
  schedule: Schedule | null;
  onClose: () => void;
}

export function ScheduleDialog({ schedule, onClose }: ScheduleDialogProps) {
  const [form, setForm] = useState(() => formOf(schedule));
  const set = (changes: Partial<ScheduleForm>) => setForm({ ...form, ...changes });
  const queries = useQueryClient();
  const rule = ruleOf(form);

  const save = useMutation({
    mutationFn: (given: { name: string; settings: ReturnType<typeof settingsOf> }) =>
      putSchedule(given.name, given.settings),
    onSuccess: (_, { name }) => {
      announce(`Schedule ${name} ${schedule === null ? 'created' : 'changed'}.`);
      onClose();
      return queries.invalidateQueries({ queryKey: schedulesQuery.queryKey });
    },
  });

  const known = queries.getQueryData(schedulesQuery.queryKey);
  const taken = schedule === null && known?.some((each) => each.name === form.name);
  const problems = checkForm(form);
  const refused = save.error instanceof Problem ? fieldOf[save.error.field ?? ''] : undefined;
  const problem = (field: keyof ScheduleForm) =>
    refused === field && save.error !== null ? save.error.message : undefined;
  const blocked = save.isPending || rule === null || taken === true || Object.keys(problems).length > 0;

  return (
    <Dialog title={schedule === null ? 'Create schedule' : `Edit ${schedule.name}`} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!blocked) save.mutate({ name: form.name, settings: settingsOf(form, rule, schedule?.job ?? null) });
        }}
      >
        {schedule === null && (
          <TextField
            label="Name"
            value={form.name}
            onChange={(name) => set({ name })}
            autoComplete="off"
            spellCheck={false}
            required
            problem={
              form.name === ''
                ? undefined
                : taken
                  ? 'There is a schedule of this name already.'
                  : (problems.name ?? problem('name'))
            }
          />
        )}
        <RuleFields form={form} set={set} problem={problem} />
        {rule !== null && <p className="rule-in-words">{describeRule(rule)}</p>}
        <NextRuns rule={rule} />
        <JobFields form={form} set={set} problem={problem} problems={problems} />
        <PolicyFields form={form} set={set} problem={problem} />
        {save.isError && refused === undefined && <ErrorNotice error={save.error} title="The schedule was not saved" />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={blocked}>
            {save.isPending ? 'Saving…' : schedule === null ? 'Create schedule' : 'Save schedule'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldsProps {
  form: ScheduleForm;
  set: (changes: Partial<ScheduleForm>) => void;
  /** What the server said about a field. */
  problem: (field: keyof ScheduleForm) => string | undefined;
}

function RuleFields({ form, set, problem }: FieldsProps) {
  const zonesId = useId();
  return (
    <>
      <fieldset className="choices choices-row">
        <legend className="visually-hidden">Runs</legend>
        <label className="choice">
          <input
            type="radio"
            name="kind"
            checked={form.kind === 'interval'}
            onChange={() => set({ kind: 'interval' })}
          />
          <span>At an interval</span>
        </label>
        <label className="choice">
          <input type="radio" name="kind" checked={form.kind === 'cron'} onChange={() => set({ kind: 'cron' })} />
          <span>By the clock (cron)</span>
        </label>
      </fieldset>
      {form.kind === 'interval' ? (
        <DurationField
          label="Every"
          seconds={form.everySeconds}
          onChange={(everySeconds) => set({ everySeconds })}
          required
          problem={problem('everySeconds')}
        />
      ) : (
        <div className="field-row">
          <TextField
            label="Cron expression"
            value={form.cron}
            onChange={(cron) => set({ cron })}
            placeholder="30 3 * * 1-5"
            autoComplete="off"
            spellCheck={false}
            required
            hint="Minute, hour, day, month, weekday; seconds may stand in front."
            problem={problem('cron')}
          />
          <div>
            <TextField
              label="Time zone"
              value={form.zone}
              onChange={(zone) => set({ zone })}
              list={zonesId}
              autoComplete="off"
              spellCheck={false}
              required
              hint="As in the IANA list."
              problem={problem('zone')}
            />
            <datalist id={zonesId}>
              {Intl.supportedValuesOf('timeZone').map((zone) => (
                <option key={zone} value={zone} />
              ))}
            </datalist>
          </div>
        </div>
      )}
    </>
  );
}

function JobFields({ form, set, problem, problems }: FieldsProps & { problems: ReturnType<typeof checkForm> }) {
  const argumentsId = useId();
  const argumentsProblem = problems.argumentsText ?? problem('argumentsText');
  return (
    <>
      <div className="field-row">
        <TextField
          label="Job"
          value={form.jobName}
          onChange={(jobName) => set({ jobName })}
          autoComplete="off"
          spellCheck={false}
          required
          hint="The name of its handler."
          problem={form.jobName === '' ? undefined : (problems.jobName ?? problem('jobName'))}
        />
        <TextField
          label="Queue"
          value={form.queue}
          onChange={(queue) => set({ queue })}
          autoComplete="off"
          spellCheck={false}
          required
          problem={problems.queue ?? problem('queue')}
        />
      </div>
      <div className="field">
        <label htmlFor={argumentsId}>Arguments</label>
        <textarea
          id={argumentsId}
          className="code-input"
          rows={Math.min(10, Math.max(2, form.argumentsText.split('\n').length))}
          value={form.argumentsText}
          onChange={(event) => set({ argumentsText: event.target.value })}
          spellCheck={false}
          aria-invalid={argumentsProblem !== undefined}
          aria-describedby={argumentsProblem === undefined ? undefined : `${argumentsId}-problem`}
        />
        {argumentsProblem !== undefined && (
          <p id={`${argumentsId}-problem`} className="field-problem" role="alert">
            {argumentsProblem}
          </p>
        )}
      </div>
    </>
  );
}

function PolicyFields({ form, set, problem }: FieldsProps) {
  const refused = (['maxAttempts', 'catchUpLimit', 'jitterSeconds'] as const).some((field) => problem(field));
  const [open, setOpen] = useState(false);
  return (
    <details className="more-fields" open={open || refused} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Missed ticks, overlap, attempts</summary>
      <div className="stack">
        <div className="field-row">
          <SelectField
            label="Ticks that were missed"
            value={form.catchUp}
            onChange={(catchUp) => set({ catchUp })}
            options={catchUps}
          />
          {form.catchUp === 'all' && (
            <TextField
              label="At most"
              type="number"
              min="1"
              max="1000"
              step="1"
              value={form.catchUpLimit}
              onChange={(catchUpLimit) => set({ catchUpLimit })}
              hint="Of the latest."
              problem={problem('catchUpLimit')}
            />
          )}
          <SelectField
            label="While the earlier job runs"
            value={form.overlap}
            onChange={(overlap) => set({ overlap })}
            options={overlaps}
          />
        </div>
        <div className="field-row">
          <TextField
            label="Attempts at most"
            type="number"
            min="1"
            max="1000"
            step="1"
            value={form.maxAttempts}
            onChange={(maxAttempts) => set({ maxAttempts })}
            problem={problem('maxAttempts')}
          />
          <SelectField
            label="Priority"
            value={form.priority}
            onChange={(priority) => set({ priority })}
            options={[
              ['low', 'Low'],
              ['normal', 'Normal'],
              ['high', 'High'],
            ]}
          />
        </div>
        <DurationField
          label="Jitter"
          seconds={form.jitterSeconds}
          onChange={(jitterSeconds) => set({ jitterSeconds })}
          unit={1}
          hint="Each job starts up to this much later, by chance. Empty: not at all."
          problem={problem('jitterSeconds')}
        />
        <label className="check">
          <input type="checkbox" checked={form.paused} onChange={(event) => set({ paused: event.target.checked })} />
          Paused
        </label>
      </div>
    </details>
  );
}
