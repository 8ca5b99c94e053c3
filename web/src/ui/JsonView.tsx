import { useMemo, useState } from 'react';
import { formatBytes } from './format';
import { JsonText } from './JsonText';

const shownAtFirst = 10_000;

/** A value as formatted JSON, by a name that nothing else on the page has. A long one is cut until the reader asks for all of it. */
export function JsonView({ value, name }: { value: unknown; name: string }) {
  const text = useMemo(() => JSON.stringify(value, null, 2), [value]);
  const [all, setAll] = useState(false);
  const long = text.length > shownAtFirst;
  return (
    <>
      <JsonText text={long && !all ? `${text.slice(0, shownAtFirst)}…` : text} label={`${name} as JSON`} />
      {long && (
        <div>
          <button type="button" className="button button-small" onClick={() => setAll(!all)}>
            {all ? 'Show less' : `Show all (${formatBytes(text.length)})`}
          </button>
        </div>
      )}
    </>
  );
}
