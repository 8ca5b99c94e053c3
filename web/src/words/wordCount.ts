/** What a job `word-count` found in a page. */
export interface WordCount {
  /** Where the page was in the end. */
  url: string;
  title: string | null;
  /** Whose stop words were left out; null: there are none of the page's language, and nothing was. */
  language: string | null;
  /** Words on the page. */
  total: number;
  /** Different ones. */
  distinct: number;
  /** The most frequent first. */
  top: readonly CountedWord[];
  /** The same without the words that every text is full of. */
  topWithoutStopWords: readonly CountedWord[];
}

export interface CountedWord {
  word: string;
  count: number;
}

/** The result of a job as a word count, or null where it is none. */
export function parseWordCount(result: unknown): WordCount | null {
  if (!isObject(result)) return null;
  const { url, title, language, total, distinct } = result;
  const top = parseWords(result.top);
  const topWithoutStopWords = parseWords(result.topWithoutStopWords);
  if (typeof url !== 'string' || typeof total !== 'number' || typeof distinct !== 'number') return null;
  if (top === null || topWithoutStopWords === null) return null;
  return { url, title: textOf(title), language: textOf(language), total, distinct, top, topWithoutStopWords };
}

function parseWords(value: unknown): CountedWord[] | null {
  return Array.isArray(value) && value.every(isCountedWord) ? value : null;
}

function isCountedWord(value: unknown): value is CountedWord {
  return isObject(value) && typeof value.word === 'string' && typeof value.count === 'number';
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
