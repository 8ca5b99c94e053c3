/** `JSON.rawJSON` and the reviver's third argument, where the browser has them. */
interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, context?: { source?: string }) => unknown): unknown;
  rawJSON?: (text: string) => unknown;
}

const exact = JSON as unknown as ExactJson;

/**
 * Parses JSON without changing what is shown: a number that a double cannot hold
 * (a 64-bit id, say) keeps its digits and is printed again as it came.
 */
export function parseExactJson(text: string): unknown {
  const rawJson = exact.rawJSON;
  if (rawJson === undefined) return JSON.parse(text);
  return exact.parse(text, (_key, value, context) => {
    const source = context?.source;
    const altered =
      typeof value === 'number' && source !== undefined && !Number.isSafeInteger(value) && String(value) !== source;
    return altered ? rawJson.call(JSON, source) : value;
  });
}

/** The digits of a number that `parseExactJson` kept as text, or undefined for anything else. */
export function keptDigits(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== null) return undefined;
  const raw = (value as { rawJSON?: unknown }).rawJSON;
  return typeof raw === 'string' && Object.isFrozen(value) ? raw : undefined;
}
