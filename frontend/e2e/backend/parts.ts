import { expect, type BrowserContext, type Page } from '@playwright/test'
import { axe } from '../look.ts'

// What the tests against the real agent share.

/** Everything that crosses the bridge between page and Go, to look for tokens in. */
export function listen(page: Page): string[] {
  const frames: string[] = []
  page.on('websocket', (socket) => {
    socket.on('framereceived', (frame) => frames.push(frame.payload.toString()))
    socket.on('framesent', (frame) => frames.push(frame.payload.toString()))
  })
  return frames
}

/** No JWT, nothing that is called a token, and none of these values is in what crossed the bridge. */
export function expectNoToken(frames: readonly string[], values: readonly string[] = []): void {
  expect(frames.length).toBeGreaterThan(5)
  const called = /eyJ[\w-]+\.[\w-]+|(access|refresh)_token\\*"?\s*[:=]/
  expect(frames.filter((f) => called.test(f) || values.some((value) => f.includes(value)))).toEqual([])
}

/** Fills in the own forms of oidc-provider, as whoever, and waits for the page that says that it is done. */
export async function signInAtProvider(context: BrowserContext, address: string, login: string): Promise<void> {
  const browser = await context.newPage()
  await browser.goto(address)
  await browser.locator('input[name="login"]').fill(login)
  await browser.locator('input[type="password"]').fill('any')
  await browser.getByRole('button', { name: /sign-in/i }).click()
  await browser.getByRole('button', { name: /continue/i }).click()
  await endsWell(browser)
}

/** The same at the demo, where people stand in a list. */
export async function signInAtDemo(context: BrowserContext, address: string, person: RegExp): Promise<void> {
  const browser = await context.newPage()
  await browser.goto(address)
  await browser.getByLabel(person).check()
  await inBothSchemes(browser)
  await browser.getByRole('button', { name: 'Allow' }).click()
  await endsWell(browser)
}

/** The last page of a sign-in, which is Drawbridge's own. */
async function endsWell(browser: Page): Promise<void> {
  await expect(browser.getByText(/signed in/i).first()).toBeVisible()
  await inBothSchemes(browser)
  await browser.close()
}

async function inBothSchemes(browser: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await browser.emulateMedia({ colorScheme })
    await axe(browser)
  }
}
