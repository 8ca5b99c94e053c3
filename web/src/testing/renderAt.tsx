import { render } from '@testing-library/react';
import axe from 'axe-core';
import { App } from '../App';
import { createQueryClient } from '../queries';

/** Renders the whole dashboard at an address. */
export function renderAt(path: string) {
  window.history.replaceState(null, '', path);
  return render(<App queries={createQueryClient()} />);
}

/** What axe finds wrong with the page, one line each. Colours are left out: jsdom has no layout. */
export async function accessibilityProblems(): Promise<string[]> {
  const { violations } = await axe.run(document.body, { rules: { 'color-contrast': { enabled: false } } });
  return violations.flatMap((v) => v.nodes.map((node) => `${v.id}: ${node.html}`));
}
