import { describe, expect, it } from 'vitest'
import { page } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import '@/lib/styles/tokens.css'
import '@/lib/styles/base.css'
import App from '@/App.svelte'
import { Fake } from '@/lib/api/fake'
import type { Scene } from '@/lib/api/fakeScenes'

let fake: Fake

async function show(scene: Scene = 'empty') {
  fake = new Fake({ scene, signInTime: null })
  await render(App, { api: fake })
}

const button = (name: string) => page.getByRole('button', { name, exact: true })
const steps = () => page.getByRole('region', { name: 'Three steps to begin with' })
const present = () =>
  steps()
    .getByRole('listitem')
    .filter({ hasText: /^ *(\d *)?Now:/ })
const visit = (screen: string) => page.getByRole('navigation').getByRole('button', { name: screen }).click()

describe('the first run', () => {
  it('leads from nothing over a sign-in to a client that is connected', async () => {
    await show()
    await expect.element(present()).toHaveTextContent('Paste the address')
    await button('Add server').click()
    await page.getByLabelText('Server address').fill('https://mcp.figma.com/mcp')
    await button('Add and sign in').click()
    await expect.element(present()).toHaveTextContent('Sign in, once')
    fake.finishSignIn('figma')
    await expect.element(present()).toHaveTextContent('Connect a client')
    await button('Connect a client').click()
    await button('Connect\u2026 Claude Code').click()
    await button('Write the change').click()
    await button('Close').click()
    await visit('Servers')
    await expect.element(page.getByRole('article', { name: 'figma' })).toBeVisible()
    await expect.element(steps()).not.toBeInTheDocument()
  })

  it('takes the built-in demo instead, where it is installed', async () => {
    await show()
    await button('Try the built-in demo').click()
    await expect.element(page.getByRole('article', { name: 'demo' })).toHaveTextContent('Signing in')
    await expect.element(present()).toHaveTextContent('Sign in, once')
  })

  it('says why the demo does not start, and offers none that is not there', async () => {
    await show()
    fake.tryDemo = () => Promise.reject(new Error('The demo could not be started.'))
    await button('Try the built-in demo').click()
    await expect.element(page.getByRole('alert')).toHaveTextContent('The demo could not be started.')
    const snapshot = await fake.snapshot()
    fake.emit({ seq: snapshot.seq + 1, snapshot: { ...snapshot, seq: snapshot.seq + 1, demo: false } })
    await expect.element(button('Try the built-in demo')).not.toBeInTheDocument()
  })

  it('is put away by somebody who has enough of it, and shown to nobody else', async () => {
    await show()
    await button('Try the built-in demo').click()
    await button('Not now').click()
    await expect.element(steps()).not.toBeInTheDocument()
    await expect.element(page.getByRole('heading', { name: 'Servers' })).toHaveFocus()
    await show('single')
    await expect.element(page.getByRole('article', { name: 'demo' }).last()).toBeVisible()
    await expect.element(steps()).not.toBeInTheDocument()
  })
})
