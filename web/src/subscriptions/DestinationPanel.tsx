import { Panel } from '../ui/Panel';
import { listSettings, type Destination } from './destination';

interface DestinationPanelProps {
  destination: Destination;
  paused: boolean;
}

/** Where a subscription pushes, and whether it does. */
export function DestinationPanel({ destination, paused }: DestinationPanelProps) {
  return (
    <Panel title="Destination" aside={paused && <span className="quiet">paused: nothing is pushed</span>}>
      <dl className="facts">
        <div>
          <dt>Kind</dt>
          <dd>{destination.kind}</dd>
        </div>
        {listSettings(destination).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="fact-long">{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
