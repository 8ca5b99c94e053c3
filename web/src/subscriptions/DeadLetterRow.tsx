import { useState } from 'react';
import { CopyButton } from '../ui/CopyButton';
import { formatId, plural } from '../ui/format';
import { Icon } from '../ui/Icon';
import { JsonView } from '../ui/JsonView';
import { TimeAgo } from '../ui/TimeAgo';
import type { DeadLetter } from './subscriptionService';

interface DeadLetterRowProps {
  letter: DeadLetter;
  marked: boolean;
  onMark: (marked: boolean) => void;
}

export function DeadLetterRow({ letter, marked, onMark }: DeadLetterRowProps) {
  const [open, setOpen] = useState(false);
  return (
    <li className="item">
      <div className="item-line">
        <input
          type="checkbox"
          className="item-check"
          aria-label={`Select dead letter ${letter.id}`}
          checked={marked}
          onChange={(event) => onMark(event.target.checked)}
        />
        <button type="button" className="item-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="chevron" />
          <span className="visually-hidden">
            {open ? 'Close' : 'Open'} dead letter {letter.id}
          </span>
        </button>
        <div className="item-main">
          <p className="item-title" dir="auto">
            {letter.reason ?? 'No reason was given.'}
          </p>
          <p className="item-about">
            <span>{plural(letter.attempts, 'attempt')}</span>
            <span>
              added <TimeAgo time={letter.addedAt} />
            </span>
          </p>
        </div>
        <div className="item-side">
          <TimeAgo time={letter.diedAt} />
          <span className="item-id">#{formatId(letter.id)}</span>
        </div>
      </div>
      {open && (
        <div className="item-open">
          <JsonView value={letter.content} name={`Dead letter ${letter.id}`} />
          <div className="buttons">
            <CopyButton what="JSON" text={() => JSON.stringify(letter.content, null, 2)} />
          </div>
        </div>
      )}
    </li>
  );
}
