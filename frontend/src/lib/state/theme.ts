import type { Theme } from '@/lib/api/preferences'

const key = 'theme'

/** Chooses the colours; tokens.css has both of each. The choice is remembered for the next window's first moment. */
export function applyTheme(theme: Theme, root: HTMLElement = document.documentElement): void {
  if (theme === 'system') delete root.dataset['theme']
  else root.dataset['theme'] = theme
  try {
    localStorage.setItem(key, theme)
  } catch {
    // A web view without storage begins with the system's theme.
  }
}

/** The theme of the last window, until the agent has said which one counts. */
export function rememberedTheme(): Theme {
  try {
    const theme = localStorage.getItem(key)
    return theme === 'light' || theme === 'dark' ? theme : 'system'
  } catch {
    return 'system'
  }
}
