import * as app from '@/wailsjs/go/main/App'
import type { control } from '@/wailsjs/go/models'
import { ask, list } from './ask'
import type { ClientsApi, MCPClient } from './clients'

/** The ClientsApi over Wails' bridge to Go. */
export function clientsBridge(): ClientsApi {
  return {
    list: () => ask(async () => list(await app.MCPClients()).map(toClient)),
    preview: (change) => ask(() => app.PreviewEntry(change)),
    apply: (change) => ask(() => app.ApplyEntry(change)),
  }
}

function toClient(raw: control.MCPClient): MCPClient {
  return { ...raw, entries: list(raw.entries), problem: raw.problem ?? null }
}
