import { Link } from 'react-router';
import { formatCount } from '../ui/format';
import type { Overview } from './overviewService';

export function Totals({ overview }: { overview: Overview }) {
  return (
    <dl className="totals totals-overview">
      <Total label="Added, last minute" value={overview.addedLastMinute} main />
      <Total label="Duplicates, last minute" value={overview.duplicatesLastMinute} />
      <Total label="Items" value={overview.items} />
      <Total label="Topics" value={overview.topics} to="/topics" />
      <Total label="Subscriptions" value={overview.subscriptions} to="/subscriptions" />
      <Total label="Sources" value={overview.sources} to="/sources" />
      <Total label="Nodes" value={overview.nodes} to="/nodes" />
      <Total label="In flight" value={overview.inFlight} />
      <Total label="Dead letters" value={overview.dead} bad={overview.dead > 0} to="/subscriptions" />
    </dl>
  );
}

interface TotalProps {
  label: string;
  value: number;
  to?: string;
  bad?: boolean;
  main?: boolean;
}

function Total({ label, value, to, bad = false, main = false }: TotalProps) {
  return (
    <div className={main ? 'total total-main' : 'total'}>
      <dt>{to === undefined ? label : <Link to={to}>{label}</Link>}</dt>
      <dd className={bad ? 'bad' : undefined}>{formatCount(value)}</dd>
    </div>
  );
}
