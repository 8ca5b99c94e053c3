import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Empty } from '../ui/Empty';
import { Page } from '../ui/Page';
import { Queried } from '../ui/Queried';
import { SearchField } from '../ui/SearchField';
import { openApiQuery, operationsOf, type OpenApiDocument, type Operation } from './openapi';
import { OperationCard } from './OperationCard';

/** Every operation of the HTTP API, to read and to try against this server. */
export default function ApiPage() {
  const document = useQuery(openApiQuery);
  return (
    <Page
      title="API"
      summary={
        <>
          Every operation of this server, to read and to try. The document itself is at{' '}
          <a href="/openapi/v1.json">/openapi/v1.json</a>.
        </>
      }
    >
      <Queried query={document} what="the API’s description">
        {(data) => <Operations document={data} />}
      </Queried>
    </Page>
  );
}

function Operations({ document }: { document: OpenApiDocument }) {
  const [search, setSearch] = useState('');
  const text = search.trim().toLowerCase();
  const found = operationsOf(document).filter((operation) =>
    `${operation.method} ${operation.path} ${operation.summary}`.toLowerCase().includes(text),
  );
  return (
    <>
      <div className="toolbar">
        <SearchField
          label="Search operations"
          placeholder="Search by path or words"
          value={search}
          onChange={setSearch}
        />
        <p className="quiet">
          {document.info.title} {document.info.version}
        </p>
      </div>
      {found.length === 0 && <Empty title={`No operation matches “${search.trim()}”.`} />}
      {groupByTag(found).map(([tag, operations]) => (
        <section key={tag} className="operations" aria-label={tag}>
          <h2>{tag}</h2>
          {operations.map((operation) => (
            <OperationCard key={operation.id} operation={operation} />
          ))}
        </section>
      ))}
    </>
  );
}

function groupByTag(operations: readonly Operation[]): [string, Operation[]][] {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const group = groups.get(operation.tag);
    if (group) group.push(operation);
    else groups.set(operation.tag, [operation]);
  }
  return [...groups];
}
