/** Where a subscription pushes: its kind, and whatever else that kind can be told. */
export interface Destination {
  kind: string;
  [setting: string]: unknown;
}

/** In a few words: "rabbitmq, queue ads", "rabbitmq, exchange ads, key rent". */
export function describeDestination(destination: Destination): string {
  const address: [name: string, value: unknown][] = [
    ['queue', destination.queue],
    ['exchange', destination.exchange],
    ['key', destination.routingKey],
  ];
  const known = address.filter(([, value]) => typeof value === 'string' && value !== '');
  return [destination.kind, ...known.map(([name, value]) => `${name} ${String(value)}`)].join(', ');
}

/** All its settings but the kind, as people read them; what is not set is left out. */
export function listSettings(destination: Destination): [name: string, value: string][] {
  return Object.entries(destination)
    .filter(([name, value]) => name !== 'kind' && value !== null && value !== '')
    .map(([name, value]) => [inWords(name), typeof value === 'string' ? value : JSON.stringify(value)]);
}

/** "routingKey" as "Routing key". */
function inWords(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
