import { memo, useId, useMemo, useState } from 'react';
import { Icon } from '../ui/Icon';
import { formatId } from '../ui/format';
import { TimeAgo } from '../ui/TimeAgo';
import { describeItem, type EntrySummary, type FieldsSummary } from './describeItem';
import { ItemDetails } from './ItemDetails';
import type { Item } from './itemService';

interface ItemRowProps {
  item: Item;
  /** It arrived while the page was open. */
  fresh: boolean;
}

export const ItemRow = memo(function ItemRow({ item, fresh }: ItemRowProps) {
  const [open, setOpen] = useState(false);
  const summary = useMemo(() => describeItem(item.content), [item.content]);
  const detailsId = useId();
  return (
    <li className={fresh ? 'item item-fresh' : 'item'} data-id={item.id}>
      <div className="item-line">
        <button
          type="button"
          className="item-toggle"
          aria-expanded={open}
          aria-controls={open ? detailsId : undefined}
          onClick={() => setOpen(!open)}
        >
          <Icon name="chevron" />
          <span className="visually-hidden">
            {open ? 'Close' : 'Open'} item {item.id}
          </span>
        </button>
        <div className="item-main">
          {summary.kind === 'entry' ? <Entry entry={summary} /> : <Fields fields={summary} />}
        </div>
        <div className="item-side">
          <TimeAgo time={item.addedAt} />
          <span className="item-id">#{formatId(item.id)}</span>
        </div>
      </div>
      {open && (
        <div id={detailsId} className="item-open">
          <ItemDetails item={item} />
        </div>
      )}
    </li>
  );
});

function Entry({ entry }: { entry: EntrySummary }) {
  return (
    <>
      <p className="item-title" dir="auto">
        {entry.link === null ? (
          entry.title
        ) : (
          <a href={entry.link} target="_blank" rel="noopener noreferrer">
            {entry.title}
          </a>
        )}
      </p>
      {(entry.author ?? entry.host ?? entry.published) !== null && (
        <p className="item-about">
          {entry.author !== null && <bdi>{entry.author}</bdi>}
          {entry.host !== null && <bdi>{entry.host}</bdi>}
          {entry.published !== null && (
            <span>
              published <TimeAgo time={entry.published} />
            </span>
          )}
        </p>
      )}
    </>
  );
}

function Fields({ fields: { fields, more } }: { fields: FieldsSummary }) {
  if (fields.length === 0) return <p className="quiet">empty object</p>;
  return (
    <p className="item-fields">
      {fields.map(({ name, value }, index) => (
        // Names that were cut short can be the same.
        <span key={index} className="item-field">
          <bdi className="item-name">{name}</bdi> <bdi>{value}</bdi>
        </span>
      ))}
      {more > 0 && <span className="quiet">+{more} more</span>}
    </p>
  );
}
