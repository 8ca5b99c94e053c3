// Runs before the first paint, so that a chosen theme does not flash in late.
// src/shell/theme.ts writes the same key.
try {
  const theme = localStorage.getItem('databus.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's preference decides.
}
