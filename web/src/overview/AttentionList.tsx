import { Link } from 'react-router';
import { Badge } from '../ui/Badge';
import { Icon } from '../ui/Icon';
import { plural } from '../ui/format';
import type { Attention } from './attention';

/** More than these are counted, not listed: the pages of the parts list them all. */
const shownAtMost = 8;

interface AttentionListProps {
  attention: readonly Attention[];
  /** Whether everything that could be wrong has been read. */
  complete: boolean;
}

export function AttentionList({ attention, complete }: AttentionListProps) {
  if (attention.length === 0) {
    if (!complete) return null;
    return (
      <p className="all-well">
        <Icon name="check" />
        Nothing is late, stuck or lost.
      </p>
    );
  }
  return (
    <section className="attention" aria-labelledby="attention-title">
      <h2 id="attention-title">{plural(attention.length, 'thing')} to look at</h2>
      <ul>
        {attention.slice(0, shownAtMost).map((each) => (
          <li key={each.id} className={`attention-${each.severity}`}>
            <Badge tone={each.severity}>{each.label}</Badge>
            <span className="attention-text">
              {each.link === null ? each.text : <Link to={each.link}>{each.text}</Link>}
            </span>
          </li>
        ))}
      </ul>
      {attention.length > shownAtMost && <p className="quiet">and {attention.length - shownAtMost} more</p>}
    </section>
  );
}
