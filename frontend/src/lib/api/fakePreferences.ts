import type { Browser, Folder, Places, Preferences, PreferencesApi, PreferencesChange } from './preferences'

/** The preferences of the fake agent. */
export class FakePreferences implements PreferencesApi {
  readonly opened: Folder[] = []
  value: Preferences = {
    theme: 'system',
    startAtLogin: true,
    canStartAtLogin: true,
    tray: true,
    notifications: true,
    browser: '',
    logLevel: 'warn',
  }

  readonly #changed: () => void
  readonly #scene: string

  constructor(scene: string, changed: () => void) {
    this.#scene = scene
    this.#changed = changed
    if (scene === 'no_keychain') this.value = { ...this.value, startAtLogin: false, canStartAtLogin: false }
  }

  async set(change: PreferencesChange): Promise<Preferences> {
    await Promise.resolve()
    this.value = { ...this.value, ...change }
    this.#changed()
    return this.value
  }

  browsers(): Promise<Browser[]> {
    return Promise.resolve([
      { id: 'org.chromium.Chromium', title: 'Chromium' },
      { id: 'firefox', title: 'Firefox' },
    ])
  }

  places(): Promise<Places> {
    const deep = this.#scene === 'long' ? '/a-folder-with-a-long-name'.repeat(6) : ''
    return Promise.resolve({
      settingsFile: `/home/ada${deep}/.config/drawbridge/settings.json`,
      stateFolder: `/home/ada${deep}/.local/state/drawbridge`,
      logFolder: `/home/ada${deep}/.local/state/drawbridge/logs`,
      secrets: this.#scene === 'long' ? 'file' : 'keychain',
    })
  }

  async openFolder(folder: Folder): Promise<void> {
    await Promise.resolve()
    this.opened.push(folder)
  }
}
