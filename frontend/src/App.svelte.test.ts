import { beforeEach, describe, expect, it, vi } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import './lib/styles/tokens.css'
import './lib/styles/base.css'
import App from './App.svelte'
import { Fake } from './lib/api/fake'
import type { Scene } from './lib/api/fakeScenes'
import { ApiError } from './lib/api/types'

// The whole page in a real Chromium, with the fake agent behind it. Everything
// is found by its role and name, as a screen reader finds it.

let fake: Fake

async function show(scene: Scene = 'mixed') {
  fake = new Fake({ scene, signInTime: null })
  await render(App, { api: fake })
}

const button = (name: string) => page.getByRole('button', { name, exact: true })
const heading = (name: string) => page.getByRole('heading', { name })

beforeEach(() => {
  document.body.focus()
})

describe('servers', () => {
  it('shows each state in words', async () => {
    await show()
    const card = (name: string) => page.getByRole('article', { name })
    await expect.element(card('demo')).toHaveTextContent('Signed in as ada@example.com')
    await expect.element(card('linear')).toHaveTextContent('Sign-in needed')
    await expect.element(card('linear')).toHaveTextContent('the server no longer accepts it')
    await expect.element(card('notion')).toHaveTextContent('auth.notion.example does not answer')
    await expect.element(card('sentry')).toHaveTextContent('Your browser has opened. Finish signing in there.')
    await expect.element(card('wiki')).toHaveTextContent('Signed out')
  })

  it('says how a server is spoken to, also while nobody uses it', async () => {
    await show('three')
    const issues = page.getByRole('article', { name: 'issues' })
    await expect.element(issues).toHaveTextContent('No client uses it now.')
    await expect.element(issues.getByText('MCP 2025-11-25')).toBeVisible()
    await expect.element(issues.getByText('Streamable HTTP')).toBeVisible()
    await expect.element(page.getByRole('article', { name: 'wiki' }).getByText(/^MCP/)).not.toBeInTheDocument()
  })

  it('has the doctor examine what is wrong, at once', async () => {
    await show()
    await button('Find out why: notion').click()
    await expect.element(page.getByRole('heading', { level: 1, name: 'Doctor' })).toHaveFocus()
    await expect.element(page.getByLabelText('Server', { exact: true })).toHaveValue('notion')
    await expect.element(heading('It cannot work like this')).toBeVisible()
    // Who comes back to the results finds them with their server.
    await page.getByRole('navigation').getByRole('button', { name: 'Servers' }).click()
    await button('Examine with the doctor: demo').click()
    await expect.element(page.getByLabelText('Server', { exact: true })).toHaveValue('demo')
    await page.getByRole('navigation').getByRole('button', { name: 'Servers' }).click()
    await page.getByRole('navigation').getByRole('button', { name: 'Doctor' }).click()
    await expect.element(page.getByLabelText('Server', { exact: true })).toHaveValue('demo')
  })

  it('is calm about a token that is renewed at its next use', async () => {
    await show()
    const archive = page.getByRole('article', { name: 'archive' })
    await expect.element(archive).toHaveTextContent(/Access token expired \d+ s ago; it is renewed at the next use\./)
    await expect.element(archive.getByRole('alert')).not.toBeInTheDocument()
  })

  it('counts down', async () => {
    await show('single')
    const demo = page.getByRole('article', { name: 'demo' })
    const left = () => Number(/\b(\d+) s left/.exec(demo.element().textContent)?.[1])
    await expect.element(demo).toHaveTextContent(/\b\d+ s left/)
    const first = left()
    expect(first).toBeLessThanOrEqual(50)
    await expect.poll(left).toBeLessThan(first)
    await expect.element(demo.getByRole('progressbar')).toBeVisible()
  })

  it('signs in, shows the address to copy, and cancels', async () => {
    await show()
    await button('Sign in: wiki').click()
    const wiki = page.getByRole('article', { name: 'wiki' })
    // That a server is asked first lasts a moment only; e2e/page/signin.spec.ts stops the clock for it.
    await expect
      .element(wiki.getByRole('status'))
      .toHaveTextContent(/Asking the server how to sign in|Your browser has opened/)
    await wiki.getByRole('button', { name: 'Copy address' }).click()
    expect(fake.copied[0]).toContain('https://auth.example.com/authorize')
    await expect.element(wiki.getByText('Copied')).toBeVisible()
    await button('Cancel: wiki').click()
    await expect.element(button('Sign in: wiki')).toBeVisible()
  })

  it('says beside the server what went wrong with an action', async () => {
    await show()
    fake.signOut = () => Promise.reject(new Error('The keychain is locked.'))
    await button('Sign out: demo').click()
    await expect
      .element(page.getByRole('article', { name: 'demo' }).getByRole('alert'))
      .toHaveTextContent('The keychain is locked.')
  })

  it('asks before it removes, and keeps on Escape', async () => {
    await show()
    await button('Remove: wiki').click()
    await expect.element(page.getByRole('dialog', { name: 'Remove wiki?' })).toBeVisible()
    await userEvent.keyboard('{Escape}')
    await expect.element(page.getByRole('dialog')).not.toBeInTheDocument()
    await expect.element(button('Remove: wiki')).toHaveFocus()
    await button('Remove: wiki').click()
    await button('Remove').click()
    await expect.element(page.getByRole('article', { name: 'wiki' })).not.toBeInTheDocument()
    await expect.element(heading('Servers')).toHaveFocus()
  })

  it('says that there is nothing yet, and what to do', async () => {
    await show('empty')
    await expect.element(heading('No servers yet')).toBeVisible()
    await expect.element(button('Add server')).toBeVisible()
  })

  it('explains an agent that is away, and comes back', async () => {
    await show('away')
    await expect.element(heading('Drawbridge\u2019s agent is away')).toBeVisible()
    await expect.element(page.getByRole('alert')).toHaveTextContent('run drawbridge agent in a terminal')
    fake.comeBack()
    await expect.element(heading('No servers yet')).toBeVisible()
  })

  it('says what keeps the agent from working', async () => {
    await show('no_keychain')
    await expect.element(page.getByRole('alert')).toHaveTextContent('Install and unlock GNOME Keyring')
  })
})

describe('adding a server', () => {
  async function open() {
    await show()
    await button('Add server').click()
  }
  const address = () => page.getByLabelText('Server address')
  const name = () => page.getByLabelText('Name')

  it('asks for client and secret where the provider registers nobody by itself', async () => {
    await open()
    await expect.element(page.getByLabelText('Client secret')).not.toBeInTheDocument()
    await button('GitHub').click()
    const found = page.getByRole('region', { name: 'What was found' })
    await expect.element(found.getByText('http://127.0.0.1:33418/callback')).toBeVisible()
    await found.getByRole('button', { name: 'Copy address' }).click()
    await expect.poll(() => fake.copied).toEqual(['http://127.0.0.1:33418/callback'])
    await button('Add and sign in').click()
    const client = page.getByLabelText('Client ID')
    await expect.element(client).toHaveFocus()
    await expect.element(client).toHaveAccessibleDescription('Give the client ID that the provider shows you.')
    await client.fill(' Iv1.8a61 ')
    await expect.element(page.getByLabelText('Client secret')).toHaveAttribute('type', 'password')
    await page.getByLabelText('Client secret').fill('hidden')
    const added = vi.spyOn(fake, 'addServer')
    await button('Add and sign in').click()
    await expect.element(page.getByRole('article', { name: 'github' })).toHaveTextContent('Signing in')
    expect(added.mock.calls[0]?.[0]).toMatchObject({ clientId: 'Iv1.8a61', clientSecret: 'hidden' })
    // The next dialog knows nothing of it.
    await button('Add server').click()
    await button('GitHub').click()
    await expect.element(page.getByLabelText('Client secret')).toHaveValue('')
  })

  it('adds such a server without a client, to be signed in to later', async () => {
    await open()
    await button('GitHub').click()
    await expect.element(page.getByLabelText('Client ID')).toBeVisible()
    await button('Add only').click()
    await expect.element(page.getByRole('article', { name: 'github' })).toHaveTextContent('Signed out')
  })

  it('suggests a name until one is typed', async () => {
    await open()
    await expect.element(address()).toHaveFocus()
    await userEvent.keyboard('https://mcp.figma.com/mcp')
    await expect.element(name()).toHaveValue('figma')
    await name().fill('design')
    await address().fill('https://mcp.asana.com/mcp')
    await expect.element(name()).toHaveValue('design')
  })

  it('adds and begins to sign in on Enter', async () => {
    await open()
    await address().fill('mcp.figma.com/mcp')
    await userEvent.keyboard('{Enter}')
    const card = page.getByRole('article', { name: 'figma' })
    await expect.element(card).toHaveTextContent('https://mcp.figma.com/mcp')
    await expect.element(card).toHaveTextContent('Signing in')
  })

  it('only adds when that is wished', async () => {
    await open()
    await address().fill('https://mcp.figma.com/mcp')
    await button('Add only').click()
    await expect.element(page.getByRole('article', { name: 'figma' })).toHaveTextContent('Signed out')
  })

  it('complains beside the field, which gets the focus', async () => {
    await open()
    await button('Add and sign in').click()
    await expect.element(address()).toHaveFocus()
    await expect.element(address()).toHaveAccessibleDescription(/Enter the server.s address/)
    await address().fill('http://mcp.example.com')
    await expect.element(address()).toHaveAccessibleDescription(/must start with https/)
  })

  it('shows what Go refuses beside the field that it is about', async () => {
    await open()
    fake.addServer = () =>
      Promise.reject(Object.assign(new Error(), { code: 'bad_url', what: 'It has a fragment.', next: 'Leave it out.' }))
    await address().fill('https://mcp.figma.com/mcp#x')
    await button('Add only').click()
    await expect.element(address()).toHaveAccessibleDescription('It has a fragment. Leave it out.')
    await expect.element(page.getByRole('dialog')).toBeVisible()
    await address().fill('https://mcp.figma.com/mcp')
    await expect.element(address()).not.toHaveAttribute('aria-invalid', 'true')
  })
})

describe('accounts', () => {
  const card = (name: string) => page.getByRole('article', { name, exact: true })
  const field = () => page.getByLabelText('Name of the account')

  it('has a card for each, with who it is', async () => {
    await show('accounts')
    await expect.element(card('issues (default)')).toHaveTextContent('Signed in as ada@example.com')
    await expect.element(card('issues (work)')).toHaveTextContent('Signed in as grace@navy.example in navy')
    // One account needs no name.
    await expect.element(card('wiki')).toHaveTextContent('Signed in as ada@example.com')
    await expect.element(button('Sign out: issues (work)')).toBeVisible()
  })

  it('adds one and signs in', async () => {
    await show('accounts')
    await button('Add another account: wiki').click()
    await expect.element(field()).toHaveFocus()
    await userEvent.keyboard('work{Enter}')
    await expect.element(page.getByRole('dialog')).not.toBeInTheDocument()
    await expect.element(card('wiki (work)')).toHaveTextContent('Signing in')
    await expect.element(card('wiki (default)')).toHaveTextContent('Signed in as ada@example.com')
    fake.finishSignIn('wiki@work')
    await expect.element(card('wiki (work)')).toHaveTextContent('Signed in as grace@navy.example')
  })

  it('forgets one that was given up', async () => {
    await show('accounts')
    await button('Add another account: wiki').click()
    await userEvent.keyboard('work{Enter}')
    await button('Cancel: wiki (work)').click()
    await expect.element(card('wiki (work)')).not.toBeInTheDocument()
    await expect.element(card('wiki')).toBeVisible()
  })

  it('complains about the name beside the field', async () => {
    await show('accounts')
    await button('Add another account: issues').click()
    await button('Sign in').click()
    await expect.element(field()).toHaveAccessibleDescription('Give the account a name.')
    await field().fill('a b')
    await expect.element(field()).toHaveAccessibleDescription(/^Up to 64 letters/)
    await field().fill('Work')
    await expect.element(field()).toHaveAccessibleDescription('There is an account named Work already.')
    fake.addAccount = () => Promise.reject(Object.assign(new Error(), { code: 'usage', what: 'No.', next: 'Another.' }))
    await field().fill('other')
    await button('Sign in').click()
    await expect.element(field()).toHaveAccessibleDescription('No. Another.')
    await expect.element(field()).toHaveFocus()
  })

  it('signs out of one and leaves the other', async () => {
    await show('accounts')
    await button('Sign out: issues (work)').click()
    await expect.element(card('issues (work)')).toHaveTextContent('Signed out')
    await expect.element(card('issues (default)')).toHaveTextContent('Signed in as ada@example.com')
  })

  it('removes one account, or the server with all', async () => {
    await show('accounts')
    await button('Remove account: issues (work)').click()
    await expect.element(page.getByRole('dialog')).toHaveTextContent('its other accounts stay')
    await button('Remove').click()
    await expect.element(card('issues (work)')).not.toBeInTheDocument()
    await expect.element(card('issues')).toBeVisible()

    await show('accounts')
    await button('Remove: issues').last().click()
    await expect.element(page.getByRole('dialog')).toHaveTextContent('work: grace@navy.example')
    await button('Remove').click()
    await expect.element(page.getByRole('dialog')).not.toBeInTheDocument()
  })
})

describe('signing out everywhere', () => {
  const open = () => button('Sign out everywhere\u2026')
  const dialog = () => page.getByRole('dialog', { name: 'Sign out everywhere' })
  const row = (name: string) => dialog().getByRole('listitem').filter({ hasText: name })

  it('is offered to nobody who has nothing to end', async () => {
    await show('no_keychain')
    await expect.element(button('Add server')).toBeVisible()
    await expect.element(open()).not.toBeInTheDocument()
  })

  it('says what will be lost, accounts, unnamed servers and sign-ins under way too', async () => {
    await show('accounts')
    await open().click()
    await expect.element(row('issues (work)')).toHaveTextContent('issues (work): grace@navy.example')
    await expect.element(dialog()).toHaveTextContent('tokens are revoked and deleted')
    await expect.element(button('Sign out of all 3')).toBeVisible()
    await expect.element(dialog()).not.toHaveTextContent('under way')
    fake.emit({ seq: 9, removed: 'wiki' })
    await expect.element(button('Sign out of all 2')).toBeVisible()
  })

  it('names what is cancelled', async () => {
    await show('long')
    await open().click()
    await expect.element(row('https://unnamed.example.com/mcp')).toBeVisible()
    await expect.element(dialog()).toHaveTextContent('The sign-in to no-browser that is under way is cancelled.')
  })

  it('does nothing when it is cancelled', async () => {
    await show('accounts')
    await open().click()
    await button('Cancel').click()
    await expect.element(dialog()).not.toBeInTheDocument()
    await expect.element(open()).toHaveFocus()
    await expect.element(page.getByRole('article', { name: 'wiki' })).toHaveTextContent('Signed in as')
  })

  it('tells what could not be revoked, there and beside the server', async () => {
    await show()
    await open().click()
    await button('Sign out of all 4').click()
    await expect.element(dialog().getByRole('status')).toHaveTextContent('not every provider could be told')
    await expect.element(dialog().getByRole('heading', { name: 'archive' })).toBeVisible()
    await expect.element(button('Close')).toHaveFocus()
    await button('Close').click()
    const archive = page.getByRole('article', { name: 'archive' })
    await expect.element(archive).toHaveTextContent('auth.example.com does not answer')
    await expect.element(page.getByRole('article', { name: 'sentry' })).toHaveTextContent('Signed out')
    await expect.element(open()).not.toBeInTheDocument()
    await expect.element(heading('Servers')).toHaveFocus()
  })

  it('tells a refusal to a person who did not wait for it', async () => {
    await show('single')
    let refuse: (why: Error) => void = () => undefined
    fake.signOutEverywhere = () => new Promise((_, reject) => (refuse = reject))
    await open().click()
    await button('Sign out').click()
    await expect.element(dialog().getByRole('status')).toHaveTextContent('0 of 1 done')
    await button('Close').click()
    refuse(new Error('The agent has ended.'))
    await expect.element(page.getByRole('alert')).toHaveTextContent('The agent has ended.')
  })

  it('tells what stays, and lets the person try again after a refusal', async () => {
    await show('single')
    const problem = { code: 'keychain_locked', what: 'The keychain is locked.', next: 'Unlock it.' }
    fake.signOutEverywhere = () => Promise.reject(new ApiError(problem))
    await open().click()
    await button('Sign out').click()
    await expect.element(dialog().getByRole('alert')).toHaveTextContent('The keychain is locked. Unlock it.')
    await expect.element(button('Cancel')).toHaveFocus()
    fake.signOutEverywhere = () => Promise.resolve([{ key: 'demo', label: 'demo', problem, stays: true }])
    await button('Sign out').click()
    await expect.element(dialog().getByRole('status')).toHaveTextContent('Not everything was signed out')
    await button('Close').click()
    await expect.element(page.getByRole('article', { name: 'demo' }).getByRole('alert')).toHaveTextContent('is locked')
    await expect.element(open()).toHaveFocus()
  })
})

describe('the token', () => {
  async function open() {
    await show()
    await button('View token: demo').click()
    await expect.element(heading('Access token: demo')).toHaveFocus()
  }

  it('explains the claims', async () => {
    await open()
    const claims = page.getByRole('table', { name: 'Claims' })
    await expect.element(claims.getByRole('row', { name: /^Audience aud/ })).toHaveTextContent('http://127.0.0.1:4100')
    // A little less when the page was slow to come.
    await expect.element(claims.getByRole('row', { name: /^Expires exp/ })).toHaveTextContent(/in 2[678] min \d\d s/)
    await expect.element(page.getByRole('table', { name: 'Header' })).toHaveTextContent('ES256')
    await expect.element(page.getByText('Valid', { exact: true })).toBeVisible()
  })

  it('asks once, and again only when the token is another one', async () => {
    await show()
    let asked = 0
    const real = fake.token.bind(fake)
    fake.token = (key) => {
      asked++
      return real(key)
    }
    await button('View token: demo').click()
    await expect.element(heading('Claims')).toBeVisible()
    expect(asked).toBe(1)
    fake.update('linear', { state: 'signed_out' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(asked).toBe(1)
    fake.finishSignIn('demo')
    await expect.poll(() => asked).toBe(2)
  })

  it('copies JSON without the token', async () => {
    await open()
    await button('Copy as JSON').click()
    const copied = JSON.parse(fake.copied[0] ?? '') as { header: { alg: string }; claims: { sub: string } }
    expect(copied.header.alg).toBe('ES256')
    expect(copied.claims.sub).toBe('u-1815')
  })

  it('is calm about one that has expired and is renewed at its next use', async () => {
    await show()
    await button('View token: archive').click()
    const glance = page.getByRole('region', { name: 'At a glance' })
    await expect.element(glance).toHaveTextContent('Expired. It is renewed at the next use.')
  })

  it('goes back by Escape to the button it came from', async () => {
    await open()
    await userEvent.keyboard('{Escape}')
    await expect.element(button('View token: demo')).toHaveFocus()
  })

  it('says so when it is opaque', async () => {
    await show('opaque')
    await button('View token: github').click()
    await expect.element(heading('This token cannot be read')).toBeVisible()
  })

  it('says so when the server goes meanwhile', async () => {
    await open()
    fake.emit({ seq: 99, removed: 'demo' })
    await expect.element(heading('This server is gone')).toBeVisible()
  })
})
