import { formatDuration } from '../ui/format';
import type { ScheduleRule } from './scheduleService';

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const months = 'January February March April May June July August September October November December'.split(' ');

/** In words: "Every 5 minutes", "Every day at 03:30, Europe/Oslo". A cron expression that is too rich for words stays as it is. */
export function describeRule({ everySeconds, cron, zone }: ScheduleRule): string {
  if (cron === null) return `Every ${one(formatDuration(everySeconds ?? 0))}`;
  return `${describeCron(cron) ?? `Cron ${cron}`}, ${zone}`;
}

function describeCron(cron: string): string | null {
  const fields = cron.trim().split(/\s+/);
  const seconds = fields.length === 6 ? fields.shift() : '0';
  const [minute, hour, day, month, weekday] = fields;
  if (fields.length !== 5 || seconds !== '0' || weekday === undefined) return null;
  if (minute === undefined || hour === undefined || day === undefined || month === undefined) return null;
  if (isAny(day) && isAny(month) && isAny(weekday)) {
    const often = describeWithinDay(minute, hour);
    if (often !== null) return often;
  }
  const time = timeOf(minute, hour);
  const days = describeDays(day, month, weekday);
  return time === null || days === null ? null : `${days} at ${time}`;
}

function describeWithinDay(minute: string, hour: string): string | null {
  const minuteStep = stepOf(minute, 60);
  if (minuteStep !== null && isAny(hour)) return minuteStep === 1 ? 'Every minute' : `Every ${minuteStep} minutes`;
  const at = numberOf(minute, 0, 59);
  const hourStep = stepOf(hour, 24);
  if (at === null || hourStep === null) return null;
  const past = at === 0 ? 'on the hour' : `at ${at} ${at === 1 ? 'minute' : 'minutes'} past`;
  return hourStep === 1 ? `Every hour ${past}` : `Every ${hourStep} hours ${past}`;
}

function describeDays(day: string, month: string, weekday: string): string | null {
  if (isAny(month) && isAny(day)) return describeWeekdays(weekday);
  const date = numberOf(day, 1, 31);
  if (!isAny(weekday) || date === null) return null;
  if (isAny(month)) return `On day ${date} of every month${date > 28 ? ' that has it' : ''}`;
  const name = months[(numberOf(month, 1, 12) ?? 0) - 1];
  return name === undefined ? null : `Every year on ${date} ${name}`;
}

function describeWeekdays(weekday: string): string | null {
  if (isAny(weekday)) return 'Every day';
  if (/^(1-5|mon-fri)$/i.test(weekday)) return 'Monday to Friday';
  const names = weekday.split(',').map(weekdayOf);
  return names.includes(undefined) ? null : `Every ${names.join(', ')}`;
}

function weekdayOf(text: string): string | undefined {
  const number = numberOf(text, 0, 7);
  if (number !== null) return weekdays[number];
  return text.length === 3 ? weekdays.find((name) => name.toLowerCase().startsWith(text.toLowerCase())) : undefined;
}

function timeOf(minute: string, hour: string): string | null {
  const [at, of] = [numberOf(minute, 0, 59), numberOf(hour, 0, 23)];
  return at === null || of === null ? null : `${String(of).padStart(2, '0')}:${String(at).padStart(2, '0')}`;
}

/** 1 for every one; the step where it divides the whole, so that "every n" is the truth. */
function stepOf(field: string, whole: number): number | null {
  if (isAny(field)) return 1;
  const step = numberOf(/^\*\/(\d+)$/.exec(field)?.[1] ?? '', 1, whole - 1);
  return step !== null && whole % step === 0 ? step : null;
}

function numberOf(text: string, least: number, most: number): number | null {
  const number = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return number >= least && number <= most ? number : null;
}

function isAny(field: string): boolean {
  return field === '*' || field === '?';
}

/** "1 hour" as "hour": every hour. */
function one(duration: string): string {
  return duration.replace(/^1 /, '');
}
