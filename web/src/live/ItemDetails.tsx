import { CopyButton } from '../ui/CopyButton';
import { formatTime } from '../ui/format';
import { JsonView } from '../ui/JsonView';
import type { Item } from './itemService';

/** Everything about one item. */
export function ItemDetails({ item }: { item: Item }) {
  return (
    <>
      <dl className="facts">
        <div>
          <dt>Id</dt>
          <dd>{item.id}</dd>
        </div>
        <div>
          <dt>Added</dt>
          <dd>
            <time dateTime={item.addedAt}>{formatTime(item.addedAt)}</time>
          </dd>
        </div>
        <div>
          <dt>Source</dt>
          <dd>{item.source === null ? <span className="quiet">none</span> : <bdi>{item.source}</bdi>}</dd>
        </div>
        <div className="facts-wide">
          <dt>Key</dt>
          <dd>
            <code dir="auto">{item.key}</code>
          </dd>
        </div>
      </dl>
      <JsonView value={item.content} name={`Item ${item.id}`} />
      <div className="buttons">
        <CopyButton what="JSON" text={() => JSON.stringify(item.content, null, 2)} />
        <CopyButton what="key" text={() => item.key} />
      </div>
    </>
  );
}
