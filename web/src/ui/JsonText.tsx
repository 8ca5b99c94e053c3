import { tokenizeJson } from './tokenizeJson';

/** Longer text than this is not coloured: each token is an element of its own. */
const colouredAtMost = 20_000;

/** Formatted JSON, or anything else, as coloured text. */
export function JsonText({ text, label }: { text: string; label: string }) {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so keys must reach it
    <pre className="json" dir="ltr" tabIndex={0} role="region" aria-label={label}>
      {text.length > colouredAtMost ? text : <Coloured text={text} />}
    </pre>
  );
}

function Coloured({ text }: { text: string }) {
  return tokenizeJson(text).map((token) =>
    token.kind === 'plain' ? (
      token.text
    ) : (
      <span key={token.start} className={`json-${token.kind}`}>
        {token.text}
      </span>
    ),
  );
}
