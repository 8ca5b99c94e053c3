import { useNow } from './clock';
import { formatDate, formatElapsed, formatTime } from './format';

interface TimeAgoProps {
  time: string | null;
  /** Shown when there is no time. */
  never?: string;
}

/** Beyond this a date says more than a number of days. */
const longMilliseconds = 30 * 86_400_000;

/** An age or a time ahead, with the exact time on hover: "12 s ago", "in 3 min". */
export function TimeAgo({ time, never = 'never' }: TimeAgoProps) {
  const now = useNow();
  if (time === null) return <span className="quiet">{never}</span>;
  const at = Date.parse(time);
  if (Number.isNaN(at)) return <span>{time}</span>;
  const age = now - at;
  return (
    <time dateTime={time} title={formatTime(time)} className="nowrap">
      {Math.abs(age) > longMilliseconds ? formatDate(time) : describe(age)}
    </time>
  );
}

function describe(age: number): string {
  if (Math.abs(age) < 1500) return 'now';
  return age > 0 ? `${formatElapsed(age)} ago` : `in ${formatElapsed(-age)}`;
}
