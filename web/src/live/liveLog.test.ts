import { describe, expect, test } from 'vitest';
import { item, items } from '../testing/samples';
import { emptyLog, hasOverflown, heldCapacity, liveCapacity, nextLog, type LiveLog } from './liveLog';

const ids = (log: LiveLog) => log.rows.map((row) => Number(row.id));
const opened = nextLog(emptyLog, { kind: 'loaded', items: items(10, 6), older: '6' });
const held = nextLog(opened, { kind: 'held', holding: true });

describe('arriving', () => {
  test('New items come on top, newest first', () => {
    expect(ids(nextLog(opened, { kind: 'arrived', items: items(11, 13) }))).toEqual([13, 12, 11, 10, 9, 8, 7, 6]);
  });

  test('No id is shown twice', () => {
    const once = nextLog(opened, { kind: 'arrived', items: items(9, 12) });
    expect(ids(nextLog(once, { kind: 'arrived', items: items(11, 12) }))).toEqual([12, 11, 10, 9, 8, 7, 6]);
  });

  test('Ids are compared as numbers of any length', () => {
    const log = nextLog(emptyLog, { kind: 'loaded', items: [item('9007199254740993')], older: null });
    const next = nextLog(log, { kind: 'arrived', items: [item('9007199254740992'), item('10000000000000000')] });
    expect(next.rows.map((row) => row.id)).toEqual(['10000000000000000', '9007199254740993']);
  });

  test('Rows beyond the capacity fall off at the old end and can be loaded again', () => {
    const full = nextLog(opened, { kind: 'arrived', items: items(11, liveCapacity + 20) });
    expect(full.rows).toHaveLength(liveCapacity);
    expect(full.older).toBe('21');
  });
});

describe('holding', () => {
  test('What arrives is counted and moves nothing', () => {
    const log = nextLog(held, { kind: 'arrived', items: items(11, 22) });
    expect(log.heldCount).toBe(12);
    expect(log.rows).toBe(opened.rows);
  });

  test('Letting go brings everything in, in order', () => {
    const log = nextLog(nextLog(held, { kind: 'arrived', items: items(11, 12) }), {
      kind: 'arrived',
      items: [item(13)],
    });
    expect(ids(nextLog(log, { kind: 'held', holding: false }))).toEqual([13, 12, 11, 10, 9, 8, 7, 6]);
  });

  test('Releasing while paused brings in what waits and goes on holding', () => {
    const log = nextLog(nextLog(held, { kind: 'arrived', items: [item(11)] }), { kind: 'released' });
    expect(log).toMatchObject({ heldCount: 0, holding: true });
    expect(ids(log)[0]).toBe(11);
  });

  test('Too many are counted, not kept, and never released with a hole', () => {
    let log = nextLog(held, { kind: 'arrived', items: items(11, heldCapacity) });
    log = nextLog(log, { kind: 'arrived', items: items(heldCapacity + 1, heldCapacity + 500) });
    expect(hasOverflown(log)).toBe(true);
    expect(log.heldCount).toBe(heldCapacity + 490);
    expect(nextLog(log, { kind: 'released' }).rows).toBe(opened.rows);
  });
});

describe('loading older items', () => {
  test('They follow the rows', () => {
    const log = nextLog(opened, { kind: 'loaded', items: items(5, 1), older: null });
    expect(ids(log)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(log.older).toBeNull();
  });

  test('They make room for themselves', () => {
    const log = nextLog(
      { ...emptyLog, rows: items(1000, 1000 - liveCapacity + 1) },
      { kind: 'loaded', items: items(1000 - liveCapacity, 600), older: '600' },
    );
    expect(nextLog(log, { kind: 'arrived', items: [item(1001)] }).rows).toHaveLength(402);
  });
});
