export interface JsonToken {
  kind: 'name' | 'string' | 'number' | 'word' | 'plain';
  text: string;
  start: number;
}

const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;

/** Splits formatted JSON, whole or cut off, into parts to colour. The parts joined are the text again. */
export function tokenizeJson(text: string): JsonToken[] {
  const tokens: JsonToken[] = [];
  let end = 0;
  const push = (kind: JsonToken['kind'], from: number, to: number) => {
    if (to > from) tokens.push({ kind, text: text.slice(from, to), start: from });
    end = to;
  };
  for (const match of text.matchAll(pattern)) {
    const [, quoted, colon, number] = match;
    push('plain', end, match.index);
    if (quoted !== undefined) {
      push(colon === undefined ? 'string' : 'name', match.index, match.index + quoted.length);
    } else {
      push(number === undefined ? 'word' : 'number', match.index, match.index + match[0].length);
    }
  }
  push('plain', end, text.length);
  return tokens;
}
