import { Badge } from '../ui/Badge';
import { DataTable } from '../ui/DataTable';
import { TimeAgo } from '../ui/TimeAgo';
import { nodeTones, type Node } from './nodeService';

export function NodeTable({ nodes }: { nodes: readonly Node[] }) {
  return (
    <DataTable
      caption="Nodes"
      rows={nodes}
      rowKey={(node) => node.id}
      columns={[
        {
          header: 'Node',
          cell: (node) => (
            <>
              <span className="row-name">{node.name}</span>
              {node.isThis && <span className="row-detail">answers this page</span>}
            </>
          ),
        },
        { header: 'State', cell: (node) => <Badge tone={nodeTones[node.state]}>{node.state}</Badge> },
        { header: 'Roles', cell: (node) => <span>{node.roles.join(', ')}</span> },
        { header: 'Version', cell: (node) => node.version },
        { header: 'Up since', cell: (node) => <TimeAgo time={node.startedAt} /> },
        { header: 'Last seen', cell: (node) => <TimeAgo time={node.seenAt} /> },
      ]}
      below={(node) => (node.warnings.length === 0 ? null : <NodeWarnings node={node} />)}
    />
  );
}

function NodeWarnings({ node }: { node: Node }) {
  return (
    <ul className="row-warnings" aria-label={`Warnings of ${node.name}`}>
      {node.warnings.map((warning) => (
        <li key={`${warning.code} ${warning.message}`}>{warning.message}</li>
      ))}
    </ul>
  );
}
