import * as app from '@/wailsjs/go/main/App'
import { ask } from './ask'
import type { ConnectionsApi } from './connections'

/** The ConnectionsApi over Wails' bridge to Go. */
export function connectionsBridge(): ConnectionsApi {
  return {
    setProxy: (name, proxy) => ask(() => app.SetProxy(name, proxy)),
    chooseCAFile: (name) => ask(() => app.ChooseCAFile(name)),
    removeCAFile: (name) => ask(() => app.RemoveCAFile(name)),
    undo: (name) => ask(() => app.UndoConnection(name)),
  }
}
