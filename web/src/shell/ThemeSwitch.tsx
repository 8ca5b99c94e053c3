import { useSyncExternalStore } from 'react';
import { Icon } from '../ui/Icon';
import { theme, type Theme } from './theme';

const themes: readonly [Theme, string][] = [
  ['system', 'System theme'],
  ['light', 'Light theme'],
  ['dark', 'Dark theme'],
];

export function ThemeSwitch() {
  const chosen = useSyncExternalStore(theme.subscribe, theme.current);
  return (
    <div className="theme-switch" role="group" aria-label="Theme">
      {themes.map(([name, label]) => (
        <button
          key={name}
          type="button"
          aria-pressed={chosen === name}
          title={label}
          onClick={() => theme.choose(name)}
        >
          <Icon name={name} />
          <span className="visually-hidden">{label}</span>
        </button>
      ))}
    </div>
  );
}
