import type { Api } from '@/lib/api/types'
import { Clock } from './clock.svelte'
import { Router } from './router.svelte'
import { Servers } from './servers.svelte'

/** What all screens share. Each screen gets it as its only prop. */
export class Desk {
  readonly api: Api
  readonly servers: Servers
  readonly router = new Router()
  readonly clock = new Clock()

  constructor(api: Api) {
    this.api = api
    this.servers = new Servers(api)
  }

  readonly copyText = (text: string): Promise<void> => this.api.copyText(text)

  /** Follows agent and clock until the returned function is called. */
  start(): () => void {
    const ends = [this.servers.start(), this.clock.start()]
    return () => ends.forEach((end) => end())
  }
}
