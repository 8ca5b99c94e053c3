import { expect, test } from 'vitest';
import { createQueryClient } from './queries';

/** As `JSON.rawJSON` makes it, which not every Node has. */
function kept(digits: string): object {
  return Object.freeze(Object.assign(Object.create(null) as object, { rawJSON: digits }));
}

test('A number that is kept as its digits stays what it is when something else is read in its place', () => {
  const queries = createQueryClient();
  const second = kept('12345678901234567891');
  queries.setQueryData(['jobs'], [{ arguments: { id: kept('12345678901234567890') } }]);
  queries.setQueryData(['jobs'], [{ arguments: { id: second } }]);
  expect(queries.getQueryData<[{ arguments: { id: object } }]>(['jobs'])?.[0].arguments.id).toBe(second);
});
