import type { ReactNode } from 'react';
import { usePageTitle } from './usePageTitle';

interface PageProps {
  title: string;
  /** Shown above the title: where this page belongs. */
  above?: ReactNode;
  summary?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, above, summary, actions, children }: PageProps) {
  usePageTitle(title);
  return (
    <>
      <header className="page-header">
        <div className="page-heading">
          {above !== undefined && <p className="page-above">{above}</p>}
          <h1>{title}</h1>
          {summary !== undefined && <p className="page-summary">{summary}</p>}
        </div>
        {actions !== undefined && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}
