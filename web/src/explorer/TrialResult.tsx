import { Badge, type Tone } from '../ui/Badge';
import { JsonText } from '../ui/JsonText';
import type { TrialAnswer } from './trial';

/** What came back from one operation; `to` is its name, as many may be open at once. */
export function TrialResult({ answer, to }: { answer: TrialAnswer; to: string }) {
  return (
    <section className="trial-result" aria-label={`Answer to ${to}`}>
      <p className="trial-status" role="status">
        <Badge tone={toneOf(answer.status)}>
          {answer.status} {answer.statusText}
        </Badge>
        <span className="quiet">{answer.milliseconds} ms</span>
      </p>
      {answer.body !== '' && <JsonText text={answer.body} label={`Body of the answer to ${to}`} />}
      {answer.cut && <p className="quiet">The answer goes on; this is its beginning.</p>}
      <details className="trial-headers">
        <summary>Headers</summary>
        <pre className="json">{answer.headers.map(([name, value]) => `${name}: ${value}`).join('\n')}</pre>
      </details>
    </section>
  );
}

function toneOf(status: number): Tone {
  if (status < 300) return 'good';
  return status < 500 ? 'warn' : 'bad';
}
