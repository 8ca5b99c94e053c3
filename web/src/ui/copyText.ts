/** Puts text on the clipboard. Over plain HTTP from another machine the clipboard API is missing: then the old way. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way outside a secure context
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    area.remove();
  }
}
