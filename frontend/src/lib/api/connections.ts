import type { control } from '@/wailsjs/go/models'

/** How a server and its provider are reached. */
export type Connection = control.Connection

/** What the page can ask of connections; how they are is in the snapshot. Every method rejects with an ApiError. */
export interface ConnectionsApi {
  /** A URL, "none", or "" for what the environment names. */
  setProxy(name: string, proxy: string): Promise<void>
  /** The person chooses a file in a dialog of the system; resolves to whether they did. */
  chooseCAFile(name: string): Promise<boolean>
  removeCAFile(name: string): Promise<void>
  /** Takes the last change back. */
  undo(name: string): Promise<void>
}
