import { expect, test } from 'vitest';
import { describeDestination, listSettings } from './destination';

test('A destination is its kind with its queue, or its exchange and key', () => {
  expect(describeDestination({ kind: 'rabbitmq', queue: 'Apartment_ads', exchange: '' })).toBe(
    'rabbitmq, queue Apartment_ads',
  );
  expect(describeDestination({ kind: 'rabbitmq', exchange: 'ads', routingKey: 'rent.berlin' })).toBe(
    'rabbitmq, exchange ads, key rent.berlin',
  );
  expect(describeDestination({ kind: 'webhook', url: 'https://example.org' })).toBe('webhook');
});

test('Every setting that is set is listed in words', () => {
  expect(listSettings({ kind: 'rabbitmq', routingKey: 'rent', queue: null, exchange: '', declare: true })).toEqual([
    ['Routing key', 'rent'],
    ['Declare', 'true'],
  ]);
});
