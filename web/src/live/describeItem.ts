import { keptDigits } from '../api/exactJson';

/** What a row says about an item before it is opened. */
export type ItemSummary = EntrySummary | FieldsSummary;

/** An entry of a feed, or anything else that has a title. */
export interface EntrySummary {
  kind: 'entry';
  title: string;
  /** Only http and https; anything else is not a link. */
  link: string | null;
  host: string | null;
  author: string | null;
  published: string | null;
}

export interface FieldsSummary {
  kind: 'fields';
  fields: { name: string; value: string }[];
  /** Fields that are not among them. */
  more: number;
}

const titleLength = 300;
const nameLength = 40;
const valueLength = 80;
const fieldsShown = 6;

export function describeItem(content: unknown): ItemSummary {
  if (!isObject(content))
    return { kind: 'fields', fields: [{ name: 'value', value: describeValue(content) }], more: 0 };
  return describeEntry(content) ?? describeFields(content);
}

function describeEntry(content: Record<string, unknown>): EntrySummary | null {
  const title = textOf(content.title) ?? null;
  const address = textOf(content.link) ?? textOf(content.url) ?? null;
  if (title === null) return null;
  const url = address === null ? null : webAddress(address);
  return {
    kind: 'entry',
    title: cut(title, titleLength),
    link: url?.href ?? null,
    host: url?.host ?? null,
    author: authorOf(content.author ?? content.authors),
    published: timeOf(content.published) ?? timeOf(content.updated) ?? timeOf(content.date),
  };
}

function describeFields(content: Record<string, unknown>): FieldsSummary {
  const entries = Object.entries(content);
  const fields = entries.slice(0, fieldsShown).map(([name, value]) => ({
    name: name === '' ? '""' : cut(name, nameLength),
    value: describeValue(value),
  }));
  return { kind: 'fields', fields, more: entries.length - fields.length };
}

function describeValue(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '""' : cut(value, valueLength);
  if (Array.isArray(value)) return `[${value.length}]`;
  return keptDigits(value) ?? (isObject(value) ? `{${Object.keys(value).length}}` : String(value));
}

/** The address as a link when it leads to the web. Everything else, `javascript:` above all, stays text. */
function webAddress(address: string): URL | null {
  try {
    const url = new URL(address);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
  } catch {
    return null;
  }
}

function authorOf(author: unknown): string | null {
  if (Array.isArray(author)) {
    const names = author.map(authorOf).filter((name) => name !== null);
    return names.length === 0 ? null : cut(names.join(', '), valueLength);
  }
  const name = textOf(author) ?? (isObject(author) ? textOf(author.name) : undefined);
  return name === undefined ? null : cut(name, valueLength);
}

function timeOf(value: unknown): string | null {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : null;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  // Not between the halves of a surrogate pair.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(length - 1)) ? length - 1 : length;
  return `${text.slice(0, end)}…`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
