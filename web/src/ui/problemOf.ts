import { Problem } from '../api/problem';

/** The server's sentence when a refusal is about this field. */
export function problemOf(error: unknown, field: string): string | undefined {
  return error instanceof Problem && error.field === field ? error.message : undefined;
}
