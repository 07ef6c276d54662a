import './lib/i18n/language'
import { mount } from 'svelte'
import './lib/styles/tokens.css'
import './lib/styles/base.css'
import App from './App.svelte'
import type { Api } from './lib/api/types'
import { applyTheme, rememberedTheme } from './lib/state/theme'

async function chooseApi(): Promise<Api> {
  if (import.meta.env.MODE === 'fake' || (import.meta.env.DEV && !('go' in window))) {
    const { fakeFromAddress } = await import('./lib/api/fake')
    return fakeFromAddress()
  }
  const { bridge } = await import('./lib/api/bridge')
  return bridge()
}

applyTheme(rememberedTheme())

const target = document.getElementById('app')
if (target) void chooseApi().then((api) => mount(App, { target, props: { api } }))
