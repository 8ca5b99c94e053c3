import { expect, test } from 'vitest';
import { overview, source, subscription } from '../testing/samples';
import { findAttention } from './attention';

const now = Date.parse('2026-01-01T12:00:00Z');
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
const find = (parts: Partial<Parameters<typeof findAttention>[0]>) =>
  findAttention({ overview: overview(), subscriptions: [], sources: [], ...parts, now });

test('When all is well there is nothing to look at', () => {
  const busy = subscription({ lag: 500, inFlight: 3, oldestWaitingAt: ago(5) });
  expect(find({ subscriptions: [subscription(), busy], sources: [source({ state: 'paused' })] })).toEqual([]);
});

test('Dead letters are lost items', () => {
  const [found] = find({ subscriptions: [subscription({ dead: 1 })] });
  expect(found).toMatchObject({
    label: 'Lost',
    text: 'mailer on ads gave up on 1 item.',
    link: '/subscriptions/ads/mailer',
  });
});

test('Items that wait a minute are late; five with nobody at work on them, stuck', () => {
  const label = (waited: number, inFlight: number) =>
    find({ subscriptions: [subscription({ lag: 1, inFlight, oldestWaitingAt: ago(waited) })] }).map((a) => a.label);
  expect(label(59, 0)).toEqual([]);
  expect(label(60, 0)).toEqual(['Late']);
  expect(label(300, 0)).toEqual(['Stuck']);
  expect(label(300, 1)).toEqual(['Late']);
});

test('What is paused is neither late nor stuck, and who pushes is not read', () => {
  const waiting = { lag: 1, oldestWaitingAt: ago(300), destination: { kind: 'rabbitmq', queue: 'ads' } };
  expect(find({ subscriptions: [subscription({ ...waiting, paused: true })] })).toEqual([]);
  expect(find({ subscriptions: [subscription(waiting)] })[0]?.text).toBe(
    'mailer on ads pushes nothing: its oldest item has waited 5 min.',
  );
});

test('A silent node leads to the nodes', () => {
  const warnings = [{ code: 'node-silent', message: 'Node b fell silent.' }];
  expect(find({ overview: overview({ warnings }) })[0]).toMatchObject({ text: 'Node b fell silent.', link: '/nodes' });
});

test('Warnings and losses come before what is late or failing', () => {
  const found = find({
    overview: overview({ warnings: [{ code: 'wal', message: 'The log is large.' }] }),
    subscriptions: [subscription({ lag: 1, inFlight: 1, oldestWaitingAt: ago(90), dead: 2 })],
    sources: [source({ state: 'failing', failures: 3, error: 'The host answered 503.' })],
  });
  expect(found.map((a) => a.label)).toEqual(['Warning', 'Lost', 'Late', 'Failing']);
  expect(found.at(-1)?.text).toBe('Source news failed 3 times in a row: The host answered 503.');
});
