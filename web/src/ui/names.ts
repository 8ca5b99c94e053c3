/** The rule for names of topics, subscriptions and sources, as an input's pattern. */
export const namePattern = '[A-Za-z0-9][A-Za-z0-9._\\-]{0,99}';

const wholeName = new RegExp(`^${namePattern}$`);

/** What is wrong with a name, or undefined. */
export function checkName(name: string): string | undefined {
  if (name === '') return 'A name is needed.';
  if (wholeName.test(name)) return undefined;
  return 'Up to 100 letters, digits, dots, underscores and hyphens, starting with a letter or digit.';
}
