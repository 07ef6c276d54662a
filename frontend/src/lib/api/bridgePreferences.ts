import * as app from '@/wailsjs/go/main/App'
import { control } from '@/wailsjs/go/models'
import { ask, list } from './ask'
import type { Folder, Preferences, PreferencesApi } from './preferences'

const folders = {
  settings: control.Folder.Settings,
  state: control.Folder.State,
  logs: control.Folder.Logs,
} satisfies Record<Folder, control.Folder>

/** The PreferencesApi over Wails' bridge to Go. */
export function preferencesBridge(): PreferencesApi {
  return {
    set: (change) => ask(async () => toPreferences(await app.SetPreferences(change))),
    browsers: () => ask(async () => list(await app.Browsers())),
    places: () => ask(() => app.Places()),
    openFolder: (folder) => ask(() => app.OpenFolder(folders[folder])),
  }
}

export function toPreferences(raw: control.Preferences): Preferences {
  return raw as Preferences // Go checks the words
}
