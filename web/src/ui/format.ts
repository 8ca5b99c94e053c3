const numbers = new Intl.NumberFormat('en');
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const dateTimes = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export function formatCount(count: number): string {
  return numbers.format(count);
}

/** "1 item", "2 items". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** An id is a decimal string of up to 64 bits; anything else is shown as it is. */
export function formatId(id: string): string {
  return /^\d{1,19}$/.test(id) ? numbers.format(BigInt(id)) : id;
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value).toString()} ${units[unit] ?? ''}`;
}

const spans: readonly [seconds: number, name: string][] = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** A configured length of time in the largest unit that divides it: "14 days", "90 seconds". */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return '0 seconds';
  for (const [length, name] of spans) {
    if (seconds % length === 0) return plural(seconds / length, name);
  }
  return plural(seconds, 'second');
}

/** How long something has lasted, in its largest unit: "12 s", "3 min", "2 h", "5 d". */
export function formatElapsed(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function formatTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : dateTimes.format(date);
}

export function formatDate(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : dates.format(date);
}

/** A short length of time as precise as it is worth: "12 ms", "2.4 s", "3 min". */
export function formatSpan(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  return milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(1)} s` : formatElapsed(milliseconds);
}
