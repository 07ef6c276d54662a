import type { Theme } from '@/lib/api/preferences'

/** Chooses the colours; tokens.css has both of each. The window begins with the theme that Go has put into the page. */
export function applyTheme(theme: Theme, root: HTMLElement = document.documentElement): void {
  if (theme === 'system') delete root.dataset['theme']
  else root.dataset['theme'] = theme
}
