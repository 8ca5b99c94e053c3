import { useQuery } from '@tanstack/react-query';
import { Page } from '../ui/Page';
import { Queried } from '../ui/Queried';
import { nodesQuery } from './nodeService';
import { NodeTable } from './NodeTable';

export function NodesPage() {
  const nodes = useQuery({ ...nodesQuery, refetchInterval: 2000 });
  return (
    <Page
      title="Nodes"
      summary="The processes of Databus that work on this store. One that stops in good order leaves the list; one that was killed is silent for a day."
    >
      <Queried query={nodes} what="nodes">
        {(data) => <NodeTable nodes={data} />}
      </Queried>
    </Page>
  );
}
