import type { control } from '@/wailsjs/go/models'
import type { Problem } from './problem'

/** An entry of a client's settings that starts Drawbridge. */
export type MCPEntry = control.MCPEntry

/** A program on this computer that can be connected to a server. */
export interface MCPClient extends Omit<control.MCPClient, 'problem' | 'entries'> {
  entries: MCPEntry[]
  /** Why its file cannot be read or edited. */
  problem: Problem | null
}

/** What is to be changed in a client's settings; the names as in Go. */
export type EntryChange = control.EntryChange
export type EntryPreview = control.EntryPreview
export type EntryResult = control.EntryResult

/** What the page can ask of the settings of MCP clients. Every method rejects with an ApiError. */
export interface ClientsApi {
  list(): Promise<MCPClient[]>
  preview(change: EntryChange): Promise<EntryPreview>
  /** Makes the change whose preview had change.digest, or none. */
  apply(change: EntryChange): Promise<EntryResult>
}
