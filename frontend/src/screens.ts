import type { Component } from 'svelte'
import Activity from '@lucide/svelte/icons/activity'
import AppWindow from '@lucide/svelte/icons/app-window'
import ScanSearch from '@lucide/svelte/icons/scan-search'
import Server from '@lucide/svelte/icons/server'
import Settings from '@lucide/svelte/icons/settings'
import Stethoscope from '@lucide/svelte/icons/stethoscope'
import ActivityScreen from '@/features/activity/ActivityScreen.svelte'
import ClientsScreen from '@/features/clients/ClientsScreen.svelte'
import DoctorScreen from '@/features/doctor/DoctorScreen.svelte'
import InspectScreen from '@/features/inspect/InspectScreen.svelte'
import ServersPages from '@/features/servers/ServersPages.svelte'
import SettingsScreen from '@/features/settings/SettingsScreen.svelte'
import type { Desk } from '@/lib/state/desk.svelte'
import { text } from '@/lib/i18n/en'

/** What every screen is given. */
export interface ScreenProps {
  desk: Desk
}

export interface Screen {
  /** The screen of a Route. */
  readonly id: string
  readonly icon: Component
  readonly component: Component<ScreenProps>
  /** What the sidebar calls it, and the bar of a narrow window. */
  readonly label: string
  readonly short?: string
  /** It takes all the width that there is. */
  readonly wide?: boolean
}

/** The window's screens, in the order of the navigation; the first is where it begins. */
export const screens: readonly Screen[] = [
  { id: 'servers', icon: Server, component: ServersPages, label: text.nav.servers },
  { id: 'activity', icon: Activity, component: ActivityScreen, label: text.nav.activity, wide: true },
  { id: 'inspect', icon: ScanSearch, component: InspectScreen, label: text.nav.inspect, short: text.nav.inspectShort },
  { id: 'doctor', icon: Stethoscope, component: DoctorScreen, label: text.doctor.title },
  { id: 'clients', icon: AppWindow, component: ClientsScreen, label: text.clients.title },
  { id: 'settings', icon: Settings, component: SettingsScreen, label: text.settings.title },
]
