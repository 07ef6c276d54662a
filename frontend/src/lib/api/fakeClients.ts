import type { ClientsApi, EntryChange, EntryPreview, EntryResult, MCPClient } from './clients'
import { ApiError, type Problem } from './problem'

// The MCP clients of the fake agent. Their files are made up, but change as the
// real ones would: the digest belongs to what was shown.

const home = '/home/ada'
const restart = (title: string) => `Quit ${title} and start it again.`

function client(id: string, title: string, path: string, more: Partial<MCPClient> = {}): MCPClient {
  return {
    id,
    title,
    path: `${home}/${path}`,
    found: false,
    entries: [],
    after: restart(title),
    problem: null,
    ...more,
  }
}

const damaged: Problem = {
  code: 'bad_settings',
  what: `Zed\u2019s file ${home}/.config/zed/settings.json is no valid JSON: line 14, column 3.`,
  next: 'Correct it in an editor, then look again.',
}

function table(scene: string): MCPClient[] {
  if (scene === 'empty') return table('mixed').map((c) => ({ ...c, entries: [] }))
  if (scene === 'no_keychain') return others()
  if (scene === 'long') {
    const deep = 'a-folder-with-a-long-name/'.repeat(7)
    return [
      client('claude-desktop', 'Claude Desktop', `${deep}claude_desktop_config.json`, {
        found: true,
        entries: Array.from({ length: 14 }, (_, i) => ({ name: `team-${i + 1}`, server: `team-${i + 1}` })),
      }),
      ...others(),
    ]
  }
  return [
    client('claude-desktop', 'Claude Desktop', '.config/Claude/claude_desktop_config.json', {
      found: true,
      entries: [
        { name: 'demo', server: 'demo' },
        { name: 'notion', server: 'notion' },
      ],
    }),
    client('claude-code', 'Claude Code', '.claude.json', {
      found: true,
      after: 'Claude Code\u2019s next session has it.',
    }),
    client('vscode', 'Visual Studio Code', '.config/Code/User/mcp.json', { found: true, after: 'It counts at once.' }),
    client('zed', 'Zed', '.config/zed/settings.json', { found: true, problem: damaged }),
    ...others().filter((c) => !['claude-code', 'vscode', 'zed'].includes(c.id)),
  ]
}

function others(): MCPClient[] {
  return [
    client('claude-code', 'Claude Code', '.claude.json'),
    client('cursor', 'Cursor', '.cursor/mcp.json'),
    client('vscode', 'Visual Studio Code', '.config/Code/User/mcp.json'),
    client('windsurf', 'Windsurf', '.codeium/windsurf/mcp_config.json'),
    client('zed', 'Zed', '.config/zed/settings.json'),
    client('codex', 'Codex CLI', '.codex/config.toml'),
    client('gemini', 'Gemini CLI', '.gemini/settings.json'),
    client('goose', 'Goose', '.config/goose/config.yaml'),
    client('lmstudio', 'LM Studio', '.lmstudio/mcp.json'),
    client('opencode', 'OpenCode', '.config/opencode/opencode.json'),
    client('cline', 'Cline', '.config/Code/User/globalStorage/cline_mcp_settings.json'),
  ]
}

export class FakeClients implements ClientsApi {
  /** What was applied, for a test to look at. */
  readonly applied: EntryChange[] = []

  #all: MCPClient[]
  /** Counts what others do to the files. */
  #edits = 0
  readonly #scene: string

  constructor(scene: string) {
    this.#scene = scene
    this.#all = table(scene)
  }

  /** Somebody else edits the clients' files: previews that were shown do not hold any more. */
  edit(): void {
    this.#edits++
  }

  list(): Promise<MCPClient[]> {
    if (this.#scene === 'loading') return new Promise(() => undefined)
    return Promise.resolve(this.#all)
  }

  async preview(change: EntryChange): Promise<EntryPreview> {
    await Promise.resolve()
    const client = this.#find(change.client)
    const has = client.entries.some((e) => e.name === nameOf(change.server))
    if (change.remove !== has && change.remove) {
      throw new ApiError({ code: 'usage', what: `${client.title} has no entry named "${change.server}".`, next: '' })
    }
    if (!change.remove && change.server === 'linear' && !change.replace) {
      throw new ApiError({
        code: 'foreign_entry',
        what: `${client.title} has an entry named "linear" that is not Drawbridge's.`,
        next: 'Use --replace to put Drawbridge in its place, or give the server another name.',
      })
    }
    return { path: client.path, diff: has && !change.remove ? '' : diff(client, change), digest: this.#digest(change) }
  }

  async apply(change: EntryChange): Promise<EntryResult> {
    const client = this.#find(change.client)
    await this.preview(change)
    if (change.digest !== this.#digest(change)) {
      throw new ApiError({
        code: 'file_changed',
        what: `${client.path} has changed in the meantime.`,
        next: 'Look at the change again; nothing has been written.',
      })
    }
    this.applied.push(change)
    const name = nameOf(change.server)
    const entries = client.entries.filter((e) => e.name !== name)
    if (!change.remove) entries.push({ name, server: change.server })
    this.#all = this.#all.map((c) => (c.id === client.id ? { ...c, entries } : c))
    const backup = change.remove ? '' : `${client.path}.drawbridge-20260314-120000`
    return { path: client.path, backup, after: client.after }
  }

  #find(id: string): MCPClient {
    const found = this.#all.find((c) => c.id === id)
    if (!found) throw new ApiError({ code: 'usage', what: `Drawbridge does not know how to set up "${id}".`, next: '' })
    return found
  }

  #digest(change: EntryChange): string {
    return `${change.client} ${change.server} ${String(change.remove)} ${String(change.replace)} ${this.#edits}`
  }
}

function nameOf(server: string): string {
  return server.replace('@', '-')
}

function diff(client: MCPClient, change: EntryChange): string {
  const sign = change.remove ? '-' : '+'
  const entry = [
    `    "${nameOf(change.server)}": {`,
    `      "command": "/usr/bin/drawbridge",`,
    `      "args": ["stdio", "${change.server}"]`,
    `    }`,
  ]
  return [
    `--- ${client.path}`,
    `+++ ${client.path}`,
    change.remove ? '@@ -1,14 +1,10 @@' : '@@ -1,10 +1,14 @@',
    ' {',
    '   "theme": "…",',
    '   "mcpServers": {',
    '     "files": {',
    '       "command": "…",',
    '       "args": ["…"]',
    change.remove ? '-    },' : '-    }',
    ...(change.remove ? [] : ['+    },']),
    ...entry.map((line) => sign + line),
    ...(change.remove ? ['+    }'] : []),
    '   }',
    ' }',
    '',
  ].join('\n')
}
