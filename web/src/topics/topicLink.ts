/** The page that shows a topic live. */
export function topicLink(name: string): string {
  return `/topics/${encodeURIComponent(name)}`;
}
