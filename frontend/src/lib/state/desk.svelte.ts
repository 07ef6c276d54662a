import type { Api } from '@/lib/api/types'
import { Activity } from './activity.svelte'
import { Clients } from './clients.svelte'
import { Connections } from './connections.svelte'
import { Clock } from './clock.svelte'
import { Doctor } from './doctor.svelte'
import { FirstRun } from './firstrun.svelte'
import { Router } from './router.svelte'
import { Servers } from './servers.svelte'
import { Settings } from './settings.svelte'

/** What all screens share. Each screen gets it as its only prop. */
export class Desk {
  readonly api: Api
  readonly servers: Servers
  readonly clients: Clients
  /** An examination goes on while another screen is shown. */
  readonly doctor: Doctor
  readonly settings: Settings
  readonly connections: Connections
  readonly activity: Activity
  readonly firstRun: FirstRun
  readonly router = new Router()
  readonly clock = new Clock()

  constructor(api: Api) {
    this.api = api
    this.servers = new Servers(api)
    this.clients = new Clients(api.clients)
    this.settings = new Settings(api.preferences, this.servers)
    this.connections = new Connections(api.connections)
    this.firstRun = new FirstRun(api, this.servers, this.clients)
    this.doctor = new Doctor(api.doctor)
    this.activity = new Activity(api.activity)
  }

  readonly copyText = (text: string): Promise<void> => this.api.copyText(text)

  /** Follows agent and clock until the returned function is called. */
  start(): () => void {
    const ends = [this.servers.start(), this.activity.start(), this.clock.start()]
    return () => ends.forEach((end) => end())
  }
}
