import { Problem } from '../api/problem';

interface ErrorNoticeProps {
  error: unknown;
  /** What could not be done: "Topics could not be read". */
  title?: string;
  onRetry?: () => void;
  /** Fields that show what is said about them themselves. */
  except?: readonly string[];
}

export function ErrorNotice({ error, title, onRetry, except = [] }: ErrorNoticeProps) {
  const problem = error instanceof Problem ? error : undefined;
  const sentence = error instanceof Error ? error.message : String(error);
  if (problem?.field !== undefined && except.includes(problem.field)) return null;
  return (
    <div className="notice notice-bad" role="alert">
      {title !== undefined && <p className="notice-title">{title}</p>}
      <p>{sentence}</p>
      {(problem?.field !== undefined || problem?.limit !== undefined) && (
        <p className="quiet">
          {problem.field !== undefined && (
            <>
              Field: <code>{problem.field}</code>
            </>
          )}
          {problem.field !== undefined && problem.limit !== undefined && ' · '}
          {problem.limit !== undefined && <>Limit: {problem.limit}</>}
        </p>
      )}
      {problem?.retryAfter !== undefined && <p className="quiet">Try again in {problem.retryAfter} s.</p>}
      {onRetry && (
        <button type="button" className="button button-small" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
