import type { Connection, ConnectionsApi } from './connections'
import { ApiError } from './problem'

/** The connections of the fake agent's servers. */
export class FakeConnections implements ConnectionsApi {
  /** What the person chooses in the dialog of the system; "" for nothing. */
  file = '/home/ada/company-ca.pem'

  readonly #read: (name: string) => Connection
  readonly #write: (name: string, connection: Connection) => void
  readonly #before = new Map<string, Connection>()

  constructor(read: (name: string) => Connection, write: (name: string, connection: Connection) => void) {
    this.#read = read
    this.#write = write
  }

  async setProxy(name: string, proxy: string): Promise<void> {
    await Promise.resolve()
    if (proxy !== '' && proxy !== 'none' && !/^(https?|socks5h?):\/\/[^/@]+:\d+$/.test(proxy)) {
      throw new ApiError({
        code: 'usage',
        what: 'The proxy is not a URL of the form http://HOST:PORT.',
        next: 'Give it like http://proxy.example.com:3128, or "none".',
      })
    }
    this.#change(name, { proxy })
  }

  async chooseCAFile(name: string): Promise<boolean> {
    await Promise.resolve()
    if (this.file === '') return false
    if (!this.file.endsWith('.pem')) {
      throw new ApiError({
        code: 'bad_settings',
        what: `The certificate authorities in "${this.file}" cannot be used: there is no certificate in it.`,
        next: 'Give a file with one or more CERTIFICATE blocks in PEM.',
      })
    }
    this.#change(name, { caFile: this.file })
    return true
  }

  async removeCAFile(name: string): Promise<void> {
    await Promise.resolve()
    this.#change(name, { caFile: '' })
  }

  async undo(name: string): Promise<void> {
    await Promise.resolve()
    const before = this.#before.get(name)
    if (before) this.#write(name, before)
    this.#before.delete(name)
  }

  #change(name: string, change: Partial<Connection>) {
    const now = this.#read(name)
    this.#before.set(name, now)
    this.#write(name, { ...now, ...change })
  }
}
