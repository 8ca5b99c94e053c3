import { parseExactJson } from '../api/exactJson';
import type { JobPriority } from '../jobs/jobService';
import { checkName } from '../ui/names';
import type { CatchUp, Overlap, Schedule, ScheduledJob, ScheduleRule, ScheduleSettings } from './scheduleService';

/** What stands in the fields. */
export interface ScheduleForm {
  name: string;
  kind: 'interval' | 'cron';
  everySeconds: number | null;
  cron: string;
  zone: string;
  jobName: string;
  argumentsText: string;
  queue: string;
  priority: JobPriority;
  maxAttempts: string;
  catchUp: CatchUp;
  catchUpLimit: string;
  overlap: Overlap;
  jitterSeconds: number | null;
  paused: boolean;
}

/** The form of a schedule as it is, or of a new one. */
export function formOf(schedule: Schedule | null): ScheduleForm {
  if (schedule === null) return newForm();
  const { job } = schedule;
  return {
    name: schedule.name,
    kind: schedule.cron === null ? 'interval' : 'cron',
    everySeconds: schedule.everySeconds,
    cron: schedule.cron ?? '',
    zone: schedule.zone,
    jobName: job.name,
    argumentsText: JSON.stringify(job.arguments, null, 2),
    queue: job.queue,
    priority: job.priority,
    maxAttempts: String(job.maxAttempts),
    catchUp: schedule.catchUp,
    catchUpLimit: String(schedule.catchUpLimit),
    overlap: schedule.overlap,
    jitterSeconds: schedule.jitterSeconds === 0 ? null : schedule.jitterSeconds,
    paused: schedule.paused,
  };
}

/** The rule the fields name, or null while they name none. */
export function ruleOf({ kind, everySeconds, cron, zone }: ScheduleForm): ScheduleRule | null {
  if (kind === 'interval') return everySeconds === null ? null : { everySeconds, cron: null, zone: 'UTC' };
  return cron.trim() === '' ? null : { everySeconds: null, cron: cron.trim(), zone: zone.trim() };
}

/** What is wrong that needs no server to be seen, by the name of the field. */
export function checkForm(form: ScheduleForm): Partial<Record<keyof ScheduleForm, string>> {
  const problems: Partial<Record<keyof ScheduleForm, string>> = {};
  const name = checkName(form.name);
  const jobName = checkName(form.jobName);
  const queue = checkName(form.queue);
  if (name !== undefined) problems.name = name;
  if (jobName !== undefined) problems.jobName = jobName;
  if (queue !== undefined) problems.queue = queue;
  if (parseArguments(form.argumentsText) === undefined) problems.argumentsText = 'This is not JSON.';
  return problems;
}

/**
 * The settings the fields name. Only of a form without problems.
 * @param before What the schedule enqueues until now: what the form does not name stays.
 */
export function settingsOf(form: ScheduleForm, rule: ScheduleRule, before: ScheduledJob | null): ScheduleSettings {
  return {
    ...rule,
    job: {
      ...before,
      name: form.jobName,
      arguments: parseArguments(form.argumentsText),
      queue: form.queue,
      priority: form.priority,
      maxAttempts: Number(form.maxAttempts),
    },
    catchUp: form.catchUp,
    catchUpLimit: Number(form.catchUpLimit),
    overlap: form.overlap,
    jitterSeconds: form.jitterSeconds ?? 0,
    paused: form.paused,
  };
}

function parseArguments(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return parseExactJson(text);
  } catch {
    return undefined;
  }
}

function newForm(): ScheduleForm {
  return {
    name: '',
    kind: 'interval',
    everySeconds: 3_600,
    cron: '',
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    jobName: '',
    argumentsText: '{}',
    queue: 'default',
    priority: 'normal',
    maxAttempts: '10',
    catchUp: 'latest',
    catchUpLimit: '100',
    overlap: 'skip',
    jitterSeconds: null,
    paused: false,
  };
}
