import AxeBuilder from '@axe-core/playwright'
import { expect, test, type Page } from '@playwright/test'
import { pictures } from '../pictures.ts'

// One story against the real agent and the real provider: add, sign in through
// the provider's own form, watch the countdown, read the claims, sign out.

const server = process.env['DRAWBRIDGE_E2E_SERVER'] ?? ''
const card = (page: Page) => page.getByRole('article', { name: 'demo' })

/** Everything that crossed the bridge between page and Go, to look for tokens in. */
function listen(page: Page): string[] {
  const frames: string[] = []
  page.on('websocket', (socket) => {
    socket.on('framereceived', (frame) => frames.push(frame.payload.toString()))
    socket.on('framesent', (frame) => frames.push(frame.payload.toString()))
  })
  return frames
}

async function axe(page: Page) {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`)).toEqual([])
}

test('from a bare address to a token that is explained, and out again', async ({ page, context }) => {
  test.setTimeout(60_000)
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
  const browser = await context.newPage()
  await browser.goto(address)
  await browser.getByLabel(/ada/i).check()
  await browser.getByRole('button', { name: 'Allow' }).click()
  await expect(browser.getByText(/signed in/i).first()).toBeVisible()
  await browser.close()

  await expect(card(page)).toContainText(/Signed in as ada@/)
  await expect(card(page)).toContainText(/\d+ s left/)
  await expect(card(page)).toContainText('Renewed by itself when it is needed.')
  await page.screenshot({ path: `${pictures}/real-signed-in.png` })
  await axe(page)

  await page.getByRole('button', { name: 'View token: demo' }).click()
  const claims = page.getByRole('table', { name: 'Claims' })
  await expect(claims.getByRole('row', { name: /\baud\b/ })).toContainText(server)
  await expect(page.getByRole('region', { name: 'At a glance' })).toContainText('Valid')
  await page.screenshot({ path: `${pictures}/real-token.png`, fullPage: true })
  await axe(page)
  await page.keyboard.press('Escape')

  // Fifteen seconds pass: that the token expires is no trouble.
  await expect(card(page)).toContainText(/expired \d+ s ago; it is renewed at the next use/, { timeout: 20_000 })
  await expect(card(page)).toContainText('Signed in')
  await page.screenshot({ path: `${pictures}/real-resting.png` })

  await page.getByRole('button', { name: 'Sign out: demo' }).click()
  await expect(card(page)).toContainText('Signed out')
  await page.getByRole('button', { name: 'Remove: demo' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'No servers yet' })).toBeVisible()

  expect(complaints).toEqual([])
  expect(frames.length).toBeGreaterThan(5)
  // No JWT, and nothing that is called a token, came to the page.
  expect(frames.filter((f) => /eyJ[\w-]+\.[\w-]+|access_token|refresh_token/.test(f))).toEqual([])
})

test('two accounts of one server, side by side', async ({ page, context }) => {
  test.setTimeout(60_000)
  await page.goto('/')
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill(server)
  await page.getByLabel('Name').fill('demo')
  await page.getByRole('button', { name: 'Add and sign in' }).click()
  const signIn = async (account: string, person: RegExp) => {
    const one = page.getByRole('article', { name: account, exact: true })
    const address = await one.getByLabel('Address to sign in at').inputValue()
    const browser = await context.newPage()
    await browser.goto(address)
    await browser.getByLabel(person).check()
    await browser.getByRole('button', { name: 'Allow' }).click()
    await expect(browser.getByText(/signed in/i).first()).toBeVisible()
    await browser.close()
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
