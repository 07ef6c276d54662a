import { expect, test, type Page } from '@playwright/test'
import { tabTo } from '../keys.ts'
import { axe } from '../look.ts'
import { pictures } from '../pictures.ts'
import { expectNoToken, listen, signInAtProvider } from './parts.ts'

// The whole story with real parts and without a mouse: the agent, a real identity
// provider and its own forms, a real MCP server. Every screen in both themes.

const gate = process.env['DRAWBRIDGE_E2E_GATE'] ?? ''
const provider = process.env['DRAWBRIDGE_E2E_PROVIDER'] ?? ''
const screens = ['Servers', 'Activity', 'Inspect a token', 'Doctor', 'Clients', 'Settings']

interface Counts {
  signIns: number
  refreshes: number
  revocations: number
  reuses: number
  errors: unknown[]
}

async function counts(): Promise<Counts> {
  return (await (await fetch(`${provider}/__counts`)).json()) as Counts
}

async function inBothThemes(page: Page, name: string) {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.screenshot({ path: `${pictures}/real-story-${name}-${colorScheme}.png` })
    await axe(page)
  }
}

test('add, sign in, a refresh, claims, every screen and out again, by keyboard, in light and dark', async ({
  page,
  context,
}) => {
  test.setTimeout(600_000)
  const before = await counts()
  const frames = listen(page)
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'No servers yet' })).toBeVisible()
  await inBothThemes(page, 'empty')

  // Add: what is found is shown before anything is opened.
  await tabTo(page, 'Add server')
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Server address')).toBeFocused()
  await page.keyboard.type(gate)
  await page.keyboard.press('Tab')
  await expect(page.getByRole('region', { name: 'What was found' })).toContainText('server-everything behind a gate')
  await inBothThemes(page, 'add')
  const name = page.getByLabel('Name')
  while (!(await name.evaluate((e) => e === document.activeElement))) await page.keyboard.press('Tab')
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.type('work')
  expect((await counts()).signIns).toBe(before.signIns)
  await page.keyboard.press('Enter')

  // Sign in, through the provider's own form.
  const card = page.getByRole('article', { name: 'work' })
  const address = card.getByLabel('Address to sign in at')
  await expect(address).toHaveValue(new RegExp(`^${provider}/auth`))
  await signInAtProvider(context, await address.inputValue(), 'ada')
  await expect(card).toContainText('Signed in as ada@example.com')
  await expect(card).toContainText('Renewed by itself when it is needed.')
  const left = async () => {
    const said = /(?:(\d+) min )?(\d+) s left/.exec((await card.textContent()) ?? '')
    return said ? 60 * Number(said[1] ?? 0) + Number(said[2]) : NaN
  }
  await expect.poll(left).toBeGreaterThan(0)
  const first = await left()
  expect(first).toBeLessThanOrEqual(60) // less the agent leaves to whoever uses it
  await inBothThemes(page, 'signed-in')
  const refreshes = (await counts()).refreshes

  // Claims.
  await tabTo(page, 'View token: work')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Access token: work' })).toBeFocused()
  const claims = page.getByRole('table', { name: 'Claims' })
  await expect(claims.getByRole('row', { name: /\baud\b/ })).toContainText(gate)
  await expect(claims.getByRole('row', { name: /\biss\b/ })).toContainText(provider)
  await expect(claims.getByRole('row', { name: /\bemail\b/ })).toContainText('ada@example.com')
  await expect(page.getByRole('region', { name: 'At a glance' })).toContainText('Valid')
  await inBothThemes(page, 'token')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'View token: work' })).toBeFocused()

  // Every screen: with Tab and Enter through the navigation, then by its digit.
  for (const [i, screen] of screens.entries()) {
    await page.getByRole('heading', { level: 1 }).focus()
    for (let n = 0; n < screens.length - i; n++) await page.keyboard.press('Shift+Tab')
    await expect(page.getByRole('navigation').getByRole('button', { name: screen, exact: true })).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: screen })).toBeFocused()
    if (i > 0) await inBothThemes(page, screen.toLowerCase().replaceAll(' ', '-'))
  }
  for (const [i, screen] of screens.entries()) {
    await page.keyboard.press(`Control+${i + 1}`)
    await expect(page.getByRole('heading', { level: 1, name: screen })).toBeFocused()
  }

  // The countdown passes a refresh: it falls, and then there is more left than before.
  await page.keyboard.press('Control+1')
  let lowest = Infinity // what is no number is less than none
  await expect
    .poll(
      async () => {
        const now = await left()
        if (now > lowest + 5) return 'renewed'
        if (now < lowest) lowest = now
        return now
      },
      { timeout: 240_000, intervals: [400] },
    )
    .toBe('renewed')
  expect(lowest).toBeLessThan(first)
  const after = await counts()
  expect(after.refreshes).toBeGreaterThan(refreshes)
  expect(after.reuses).toBe(before.reuses)
  await expect(card).toContainText('Signed in as ada@example.com')

  // Out again: the provider has been told.
  await tabTo(page, 'Sign out: work')
  await page.keyboard.press('Enter')
  await expect(card).toContainText('Signed out')
  await expect(card.getByRole('heading')).toBeFocused()
  expect((await counts()).revocations).toBeGreaterThan(before.revocations)
  await inBothThemes(page, 'signed-out')
  await tabTo(page, 'Remove: work')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'No servers yet' })).toBeVisible()

  const tokens = (await (await fetch(`${provider}/__tokens`)).json()) as { value: string }[]
  expect(tokens.length).toBeGreaterThan(3)
  expectNoToken(
    frames,
    tokens.map((token) => token.value),
  )
})
