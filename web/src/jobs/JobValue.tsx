import { CopyButton } from '../ui/CopyButton';
import { JsonView } from '../ui/JsonView';
import { Panel } from '../ui/Panel';

/** What a job was given, or what came of it. */
export function JobValue({ title, value }: { title: string; value: unknown }) {
  return (
    <Panel title={title} aside={<CopyButton what="JSON" text={() => JSON.stringify(value, null, 2)} />}>
      <div className="stack">
        <JsonView value={value} name={title} />
      </div>
    </Panel>
  );
}
