import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test, type Page } from '@playwright/test'
import { axe } from '../look.ts'
import { pictures } from '../pictures.ts'

// Clients, doctor and settings against the real agent: what the page says is
// looked up in the files.

const server = process.env['DRAWBRIDGE_E2E_SERVER'] ?? ''
const home = process.env['DRAWBRIDGE_E2E_HOME'] ?? ''
const settings = `${process.env['DRAWBRIDGE_E2E_CONFIG'] ?? ''}/settings.json`
const cursor = `${home}/.cursor/mcp.json`

const go = (page: Page, screen: string) =>
  page.getByRole('navigation').getByRole('button', { name: screen, exact: true }).click()

/** Adds the server without signing in, and removes it at the end. */
async function withServer(page: Page, name: string, story: () => Promise<void>) {
  await page.goto('/')
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill(server)
  await page.getByLabel('Name').fill(name)
  await page.getByRole('button', { name: 'Add only' }).click()
  await expect(page.getByRole('article', { name })).toBeVisible()
  await story()
  await go(page, 'Servers')
  await page.getByRole('button', { name: `Remove: ${name}` }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(page.getByRole('article', { name })).toBeHidden()
}

test('a client is connected as shown, refused when its file changed, and left byte for byte as it was', async ({
  page,
}) => {
  let before = readFileSync(cursor)
  await withServer(page, 'notes', async () => {
    await go(page, 'Clients')
    const card = page.getByRole('article', { name: 'Cursor' })
    await expect(card).toContainText('Not connected to any server')
    await page.getByRole('button', { name: 'Connect\u2026 Cursor' }).click()
    const change = page.getByRole('region', { name: `Change to ${cursor}` })
    await expect(change).toContainText('"notes"')
    await expect(change).not.toContainText('hidden')
    await page.screenshot({ path: `${pictures}/real-connect.png` })
    await axe(page)
    expect(readFileSync(cursor).equals(before)).toBe(true)

    // Somebody else writes the file while the person is looking.
    before = Buffer.from(before.toString().replace('// mine', '// mine, and changed'))
    writeFileSync(cursor, before)
    await page.getByRole('button', { name: 'Write the change' }).click()
    await expect(page.getByRole('alert')).toContainText('Nothing has been written.')
    expect(readFileSync(cursor).equals(before)).toBe(true)

    await expect(change).toBeVisible()
    await page.getByRole('button', { name: 'Write the change' }).click()
    await expect(page.getByRole('status').filter({ hasText: 'Cursor is connected to notes.' })).toBeVisible()
    const written = readFileSync(cursor, 'utf8')
    expect(written).toContain('// mine, and changed')
    expect(written).toContain('"stdio"')
    const backup = readdirSync(`${home}/.cursor`).find((name) => name !== 'mcp.json') ?? ''
    expect(readFileSync(`${home}/.cursor/${backup}`).equals(before)).toBe(true)

    await page.getByRole('button', { name: 'Undo' }).click()
    await expect(page.getByText('The change has been taken back.')).toBeVisible()
    expect(readFileSync(cursor).equals(before)).toBe(true)
    await page.getByRole('button', { name: 'Close' }).click()
    await expect(card).toContainText('Not connected to any server')
  })
})

test('the doctor examines the real server, and its trace holds no secret', async ({ page }) => {
  await withServer(page, 'patient', async () => {
    await go(page, 'Doctor')
    await page.getByRole('button', { name: 'Examine' }).click()
    await expect(page.getByRole('region', { name: 'The first request with a sign-in' })).toBeVisible()
    const resource = page.getByRole('region', { name: 'What the server says about itself' })
    await expect(resource).toContainText('RFC 9728 §3.3')
    await expect(resource).toContainText(server)
    await page.getByText('HTTP traffic, without secrets').click()
    await expect(page.getByRole('region', { name: 'HTTP traffic' })).toContainText(`> POST ${server}`)
    await page.screenshot({ path: `${pictures}/real-doctor.png` })
    await axe(page)
  })
})

test('the theme is kept in the settings and counts in the next window', async ({ page }) => {
  await page.goto('/')
  await go(page, 'Settings')
  await page.getByRole('radio', { name: 'Dark' }).check()
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  await expect.poll(background).toBe('rgb(23, 24, 28)')
  await axe(page)
  await page.reload()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await expect.poll(background).toBe('rgb(23, 24, 28)')
  await go(page, 'Settings')
  await expect(page.getByText('settings.json')).toBeVisible()
  await page.screenshot({ path: `${pictures}/real-settings.png` })
  await page.getByRole('radio', { name: 'System' }).check()
  await expect.poll(background).not.toBe('rgb(23, 24, 28)')
})

test('a proxy is checked by the agent, written, and taken back', async ({ page }) => {
  const proxy = () => /"proxy":\s*"([^"]*)"/.exec(readFileSync(settings, 'utf8'))?.[1]
  await withServer(page, 'company', async () => {
    await go(page, 'Settings')
    await page.getByLabel('Proxy of company').selectOption('One of its own\u2026')
    const address = page.getByLabel('Address of the proxy')
    await address.fill('http://ada:word@proxy.example.com:3128')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect(address).toHaveAccessibleDescription(/user name or password in it/)
    expect(proxy()).toBeUndefined()
    await address.fill('http://proxy.example.com:3128')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect(page.getByRole('button', { name: 'Undo' })).toBeVisible()
    expect(proxy()).toBe('http://proxy.example.com:3128')
    await axe(page)
    await page.getByRole('button', { name: 'Undo' }).click()
    await expect(page.getByLabel('Proxy of company')).toHaveValue('usual')
    expect(proxy()).toBeUndefined()
  })
})
