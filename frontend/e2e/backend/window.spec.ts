import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test, type Page } from '@playwright/test'
import { axe } from '../look.ts'
import { pictures } from '../pictures.ts'
import { expectNoToken, listen, signInAtDemo } from './parts.ts'

// One story against the real agent and the real provider: add, sign in through
// the provider's own form, watch the countdown, read the claims, sign out.

const server = process.env['DRAWBRIDGE_E2E_SERVER'] ?? ''
const use = process.env['DRAWBRIDGE_E2E_USE'] ?? ''
const card = (page: Page) => page.getByRole('article', { name: 'demo' })

const run = promisify(execFile)

/** Presses a key in the dialog of the system. */
async function answer(key: string) {
  const { stdout } = await run('xdotool', ['search', '--sync', '--onlyvisible', '--name', 'Copy the access token'], {
    timeout: 60_000,
  })
  await run('xdotool', ['windowfocus', '--sync', stdout.trim().split('\n').at(-1) ?? '', 'key', key], {
    timeout: 60_000,
  })
}

/** What the clipboard holds; none is "". */
async function clipboard(): Promise<string> {
  return run('xclip', ['-selection', 'clipboard', '-o']).then(
    ({ stdout }) => stdout,
    () => '',
  )
}

/** What the page gets when it asks the window for the clipboard. It runs in the page. */
function readClipboard(): Promise<string> {
  return (window as unknown as { runtime: { ClipboardGetText(): Promise<string> } }).runtime.ClipboardGetText()
}

test('from a bare address to a token that is explained, and out again', async ({ page, context }) => {
  const frames = listen(page)
  const complaints: string[] = []
  page.on('console', (m) => {
    // A browser asks for an icon of its own accord; the window has none to give.
    if (m.type() === 'error' && !m.location().url.endsWith('/favicon.ico')) complaints.push(m.text())
  })
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'No servers yet' })).toBeVisible()

  // What Go refuses stands in the form.
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill(`${server}#fragment`)
  await page.getByLabel('Name').fill('demo')
  await page.getByRole('button', { name: 'Add and sign in' }).click()
  await expect(page.getByLabel('Server address')).toHaveAccessibleDescription(/is not a usable server address/)

  await page.getByLabel('Server address').fill(server)
  await page.getByRole('button', { name: 'Add and sign in' }).click()
  await expect(card(page)).toContainText('Signing in')
  await expect(card(page)).toContainText('Open this address in your browser')
  await page.screenshot({ path: `${pictures}/real-signing-in.png` })

  const address = await card(page).getByLabel('Address to sign in at').inputValue()
  await signInAtDemo(context, address, /ada/i)

  await expect(card(page)).toContainText(/Signed in as ada@/)
  await expect(card(page)).toContainText(/\d+ s left/)
  await expect(card(page)).toContainText('Renewed by itself when it is needed.')
  await page.screenshot({ path: `${pictures}/real-signed-in.png` })

  // While it lives, so before all that takes long.
  await page.getByRole('button', { name: 'View token: demo' }).click()
  await expect(page.getByRole('region', { name: 'At a glance' })).toContainText('Valid')
  const claims = page.getByRole('table', { name: 'Claims' })
  await expect(claims.getByRole('row', { name: /\baud\b/ })).toContainText(server)
  await expect(page.getByRole('region', { name: 'At a glance' })).toContainText('Matches the address of this server.')
  await expect(page.getByRole('list', { name: 'Scopes in words' })).toContainText('the token can be renewed')
  await page.screenshot({ path: `${pictures}/real-token.png`, fullPage: true })
  await axe(page)
  await page.keyboard.press('Escape')
  await axe(page)

  // Its seconds pass: that the token expires is no trouble.
  await expect(card(page)).toContainText(/expired \d+ (s|min) ago; it is renewed at the next use/)
  await expect(card(page)).toContainText('Signed in')
  await page.screenshot({ path: `${pictures}/real-resting.png` })

  // The agent has seen when the token came, and leaves the next to whoever uses it.
  await page.getByRole('button', { name: 'Activity' }).click()
  await page.getByRole('radio', { name: 'Renewals' }).check()
  const renewals = page.getByRole('table', { name: 'demo' }).getByRole('row')
  await expect(renewals.nth(1)).toContainText('At the next use')

  // A client uses the server: the token is another one, and the page says what is new in it.
  expect((await page.request.post(`${use}?name=demo`)).ok()).toBe(true)
  await page.getByRole('navigation').getByRole('button', { name: 'Servers' }).click()
  await expect(card(page)).toContainText(/\d+ s left/)
  await page.getByRole('button', { name: 'Activity' }).click()
  await page.getByRole('radio', { name: 'Renewals' }).check()
  await expect(renewals.nth(2)).toContainText('Renewed by a client')
  await expect(renewals.nth(1)).toContainText('At the next use')
  await page.screenshot({ path: `${pictures}/real-renewals.png` })
  await axe(page)
  await page.getByRole('navigation').getByRole('button', { name: 'Servers' }).click()
  await page.getByRole('button', { name: 'View token: demo' }).click()
  const since = page.getByRole('region', { name: 'Since the token before' })
  await expect(since).toContainText(/The same \d scopes as before/)
  await expect(since).toContainText(/New in every token: .*Expires/)
  await expect(since).toContainText('Nothing else has changed.')
  await page.screenshot({ path: `${pictures}/real-token-renewed.png`, fullPage: true })

  // Copying is the agent's: the system asks, and the page can neither answer nor see what is copied.
  const copied = page.getByRole('status').filter({ hasText: /dialog|clipboard/ })
  for (const [key, said] of [
    ['alt+n', null],
    ['alt+y', 'The token is on the clipboard.'],
  ] as const) {
    await page.getByRole('button', { name: 'Copy the token' }).click()
    await expect(copied).toContainText('Answer in the dialog that has opened.')
    await answer(key)
    if (said === null) await expect(copied).toBeHidden()
    else await expect(copied).toContainText(said)
    await expect.poll(async () => /^eyJ[\w-]+\./.test(await clipboard())).toBe(said !== null)
    expect(await page.evaluate(readClipboard), 'the page reads no clipboard').toBe('')
  }
  await axe(page)
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: 'Sign out: demo' }).click()
  await expect(card(page)).toContainText('Signed out')
  await page.getByRole('button', { name: 'Remove: demo' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'No servers yet' })).toBeVisible()

  expect(complaints).toEqual([])
  expectNoToken(frames)
})

test('two accounts of one server, side by side', async ({ page, context }) => {
  await page.goto('/')
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill(server)
  await page.getByLabel('Name').fill('demo')
  await page.getByRole('button', { name: 'Add and sign in' }).click()
  const signIn = async (account: string, person: RegExp) => {
    const one = page.getByRole('article', { name: account, exact: true })
    const address = await one.getByLabel('Address to sign in at').inputValue()
    await signInAtDemo(context, address, person)
    return new URL(address).searchParams
  }
  expect((await signIn('demo', /ada/i)).get('prompt')).not.toContain('select_account')

  await page.getByRole('button', { name: 'Add another account: demo' }).click()
  await page.getByLabel('Name of the account').fill('work')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  expect((await signIn('demo (work)', /grace/i)).get('prompt')).toContain('select_account')
  const work = page.getByRole('article', { name: 'demo (work)' })
  const first = page.getByRole('article', { name: 'demo (default)' })
  await expect(work).toContainText('Signed in as grace@')
  await expect(first).toContainText('Signed in as ada@')
  await page.screenshot({ path: `${pictures}/real-accounts.png` })

  await page.getByRole('button', { name: 'Sign out: demo (default)' }).click()
  await expect(first).toContainText('Signed out')
  await expect(work).toContainText('Signed in as grace@')
  await page.getByRole('button', { name: 'Remove account: demo (work)' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(work).toBeHidden()
  await page.getByRole('button', { name: 'Remove: demo' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'No servers yet' })).toBeVisible()
})

test('cancels a sign-in', async ({ page }) => {
  await page.goto('/')
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill(server)
  await page.getByLabel('Name').fill('demo')
  await page.getByRole('button', { name: 'Add and sign in' }).click()
  await page.getByRole('button', { name: 'Cancel: demo' }).click()
  await expect(page.getByRole('button', { name: 'Sign in: demo' })).toBeVisible()
  await page.getByRole('button', { name: 'Remove: demo' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(card(page)).toBeHidden()
})

test('says what is wrong with a server that is none', async ({ page }) => {
  await page.goto('/')
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill('http://127.0.0.1:9/mcp')
  await page.getByLabel('Name').fill('nobody')
  await page.getByRole('button', { name: 'Add and sign in' }).click()
  const nobody = page.getByRole('article', { name: 'nobody' })
  await expect(nobody.getByRole('button', { name: 'Sign in: nobody' })).toBeVisible()
  await expect(nobody).toContainText(/127\.0\.0\.1:9/)
  await page.screenshot({ path: `${pictures}/real-unreachable.png` })
  await page.getByRole('button', { name: 'Remove: nobody' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(nobody).toBeHidden()
})
