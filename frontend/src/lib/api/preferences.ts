import type { control } from '@/wailsjs/go/models'

export type Theme = 'system' | 'light' | 'dark'
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'
/** The word for one of Drawbridge's folders. */
export type Folder = `${control.Folder}`

/** How tray and window behave, as the person set it. */
export interface Preferences extends Omit<control.Preferences, 'theme' | 'logLevel'> {
  theme: Theme
  logLevel: LogLevel
}

export type PreferencesChange = Partial<Omit<Preferences, 'canStartAtLogin'>>
export type Browser = control.Browser
/** Where things are kept. */
export type Places = control.Places

/** What the page can ask of the preferences. What they are is in the snapshot. Every method rejects with an ApiError. */
export interface PreferencesApi {
  /** Resolves to what counts then. */
  set(change: PreferencesChange): Promise<Preferences>
  /** Those that are installed. */
  browsers(): Promise<Browser[]>
  places(): Promise<Places>
  /** Opens it in the desktop's file manager. */
  openFolder(folder: Folder): Promise<void>
}
