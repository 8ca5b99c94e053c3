import { useState } from 'react';
import type { Operation } from './openapi';
import { Trial } from './Trial';

export function OperationCard({ operation }: { operation: Operation }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="operation" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span className={`method method-${operation.method.toLowerCase()}`}>{operation.method}</span>
        <code className="operation-path">{operation.path}</code>
        <span className="operation-summary">{operation.summary}</span>
      </summary>
      {open && (
        <div className="operation-open">
          {operation.description !== '' && <p className="prose operation-text">{operation.description}</p>}
          <Trial operation={operation} />
          {operation.responses.length > 0 && (
            <>
              <h3>Answers</h3>
              <dl className="answers">
                {operation.responses.map((response) => (
                  <div key={response.status}>
                    <dt>{response.status}</dt>
                    <dd>{response.description}</dd>
                  </div>
                ))}
              </dl>
            </>
          )}
        </div>
      )}
    </details>
  );
}
