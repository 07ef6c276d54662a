import './lib/i18n/language'
import { mount } from 'svelte'
import './lib/styles/tokens.css'
import './lib/styles/base.css'
import App from './App.svelte'
import { bridge } from './lib/api/bridge'
import type { Api } from './lib/api/types'

const target = document.getElementById('app')
const show = (api: Api) => target && mount(App, { target, props: { api } })

// With Go behind it the page is complete when it has loaded, which is when the
// window is shown: nothing may be waited for here.
if (import.meta.env.MODE === 'fake' || (import.meta.env.DEV && !('go' in window))) {
  void import('./lib/api/fake').then(({ fakeFromAddress }) => show(fakeFromAddress()))
} else {
  show(bridge())
}
