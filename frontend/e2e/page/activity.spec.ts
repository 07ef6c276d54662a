import { expect, test, type Page } from '@playwright/test'
import type {} from '../../src/lib/api/fake.ts'
import { lookAt } from '../look.ts'

// The activity screen, with a fake agent that remembers an hour of calls.

const noon = new Date('2026-03-14T12:00:30Z')

async function open(page: Page, query = 'scene=mixed') {
  await page.goto(`/?${query}`)
  await page.getByRole('button', { name: 'Activity' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Activity' })).toBeFocused()
}

const list = (page: Page) => page.getByRole('table', { name: 'Calls, newest first' })

test('lists calls as they come, and stands still in a pause', async ({ page }) => {
  await open(page)
  await expect(list(page)).toHaveAttribute('aria-rowcount', '241')
  await page.evaluate(() => window.fake?.activity.call({ tool: 'first_new' }))
  await expect(list(page).getByRole('row').nth(1)).toContainText('first_new')
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.evaluate(() => window.fake?.activity.call({ tool: 'second_new' }))
  await expect(page.getByText('1 new call')).toBeVisible()
  await expect(list(page)).not.toContainText('second_new')
  await page.getByRole('button', { name: 'Resume' }).click()
  await expect(list(page).getByRole('row').nth(1)).toContainText('second_new')
})

test('filters, exports what is shown, and shows all again', async ({ page }) => {
  await open(page)
  await page.getByLabel('Status').selectOption('All that failed')
  await page.getByLabel('Server').selectOption('notion')
  const rows = Number(await list(page).getAttribute('aria-rowcount')) - 1
  expect(rows).toBeGreaterThan(0)
  expect(rows).toBeLessThan(40)
  await page.getByRole('button', { name: 'Export CSV' }).click()
  await expect(page.getByRole('status')).toContainText('/home/ada/drawbridge-activity.csv')
  const exported = await page.evaluate(() => window.fake?.activity.exported)
  expect(exported?.map((e) => [e.format, e.seqs.length])).toEqual([['csv', rows]])
  await page.getByLabel('Filter calls').fill('no such tool')
  await expect(page.getByText('No call fits the filter.')).toBeVisible()
  await page.getByRole('button', { name: 'Show all' }).click()
  await expect(list(page)).toHaveAttribute('aria-rowcount', '241')
  await expect(page.getByLabel('Filter calls')).toHaveValue('')
})

test('captures one session when asked, marks it, and shows what a call was about', async ({ page }) => {
  await open(page)
  const session = 'demo-Cursor'
  await page.getByRole('button', { name: 'Capture a session' }).click()
  const dialog = page.getByRole('dialog', { name: 'Capture a session' })
  await dialog.getByLabel('Session').selectOption(session)
  await dialog.getByRole('button', { name: 'Start capturing' }).click()
  await expect(page.getByRole('status').filter({ hasText: 'Capturing Cursor at demo' })).toBeVisible()
  await page.evaluate((session) => window.fake?.activity.call({ session, tool: 'told', captured: true }), session)
  await page.getByRole('button', { name: 'Show what it was about: told' }).click()
  const contents = page.getByRole('dialog', { name: 'Call: told' })
  await expect(contents.getByRole('region', { name: 'Arguments' })).toContainText('"budget"')
  await lookAt(page, 'activity-captured')
  await page.keyboard.press('Escape')
  await expect(contents).toBeHidden()
  await lookAt(page, 'activity-capturing')
  await page.getByRole('button', { name: 'Stop and forget' }).click()
  await expect(page.getByRole('button', { name: 'Show what it was about: told' })).toBeHidden()
})

test('100,000 calls: few of them are in the page, and each can be reached', async ({ page }) => {
  await open(page, 'scene=mixed&calls=100000')
  await expect(list(page)).toHaveAttribute('aria-rowcount', '100001')
  expect(await list(page).getByRole('row').count()).toBeLessThan(80)
  // By keyboard: the list takes the focus and scrolls to its end.
  await list(page).focus()
  await page.keyboard.press('End')
  await expect(list(page).locator('[aria-rowindex="100001"]')).toBeVisible()
  await list(page).evaluate((l) => l.scrollTo(0, l.scrollHeight / 2))
  await expect(list(page).locator('[aria-rowindex="50001"]')).toBeVisible()
  expect(await list(page).getByRole('row').count()).toBeLessThan(80)
  // Who reads further down keeps reading the same row while others come in above.
  const middle = await list(page).evaluate((l) => {
    const { top, height } = l.getBoundingClientRect()
    const row = document.elementFromPoint(l.getBoundingClientRect().left + 40, top + height / 2)?.closest('[role=row]')
    return { index: Number(row?.getAttribute('aria-rowindex')), top: row?.getBoundingClientRect().top ?? 0 }
  })
  await page.evaluate(() => window.fake?.activity.call())
  const same = list(page).locator(`[aria-rowindex="${middle.index + 1}"]`)
  await expect.poll(async () => Math.abs(((await same.boundingBox())?.y ?? 0) - middle.top)).toBeLessThan(2)
})

/** What a step of scrolling costs the page itself at the least, in ms: what else the machine does only adds to it. */
async function step(page: Page, calls: number): Promise<number> {
  await open(page, `scene=mixed&calls=${calls}`)
  await expect(list(page)).toHaveAttribute('aria-rowcount', String(calls + 1))
  return list(page).evaluate(async (l) => {
    let least = Infinity
    for (let i = 1; i <= 60; i++) {
      l.scrollTo(0, (l.scrollHeight / 61) * i)
      const begun = performance.now()
      l.dispatchEvent(new Event('scroll'))
      await Promise.resolve()
      l.getBoundingClientRect() // lays it out
      least = Math.min(least, performance.now() - begun)
      await new Promise((resolve) => requestAnimationFrame(resolve))
    }
    return least
  })
}

test('scrolling through 100,000 calls costs what it does through 1,000', async ({ page }) => {
  const few = await step(page, 1000)
  const many = await step(page, 100_000)
  console.log(`a step takes ${few.toFixed(1)} and ${many.toFixed(1)} ms`)
  // With a row in the page for each call it would be a hundred times as much.
  expect(many).toBeLessThan(5 * few + 5)
  expect(await list(page).getByRole('row').count()).toBeLessThan(80)
})

test('the policy of the page holds with plots and a moving list', async ({ page }) => {
  const complaints: string[] = []
  page.on('console', (m) => (m.type() === 'error' || m.type() === 'warning') && complaints.push(m.text()))
  page.on('response', (r) => r.status() >= 400 && complaints.push(`${r.status()} ${r.url()}`))
  await open(page)
  await list(page).evaluate((l) => l.scrollTo(0, 2000))
  await page.getByRole('radio', { name: 'Charts' }).check()
  await expect(page.getByRole('figure', { name: 'Calls per minute' }).locator('canvas')).toBeVisible()
  await page.waitForTimeout(300)
  expect(complaints.filter((c) => !c.includes('favicon'))).toEqual([])
})

const screens = {
  activity: {},
  'activity-empty': { query: 'scene=empty' },
  'activity-away': { query: 'scene=away' },
  'activity-none-fits': {
    then: async (page: Page) => page.getByLabel('Filter calls').fill('no such tool'),
  },
  'activity-paused': {
    then: async (page: Page) => {
      await page.getByRole('button', { name: 'Pause' }).click()
      await page.evaluate(() => window.fake?.activity.call())
      await page.getByRole('button', { name: 'Export JSON' }).click()
      await expect(page.getByRole('status')).toBeVisible()
    },
  },
  'activity-charts': {
    then: async (page: Page) => {
      await page.getByRole('radio', { name: 'Charts' }).check()
      await expect(page.getByRole('figure', { name: 'Time to the answer' })).toBeVisible()
    },
  },
  'activity-renewals': {
    then: async (page: Page) => {
      await page.getByRole('radio', { name: 'Renewals' }).check()
      await expect(page.getByRole('table', { name: 'notion' })).toContainText('2 attempts failed')
    },
  },
} satisfies Record<string, { query?: string; then?: (page: Page) => Promise<unknown> }>

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [size, viewport] of Object.entries({
    normal: { width: 1000, height: 720 },
    narrow: { width: 420, height: 720 },
    wide: { width: 1600, height: 900 },
  })) {
    test.describe(`${colorScheme}, ${size}`, () => {
      test.use({ colorScheme, viewport })
      for (const [name, screen] of Object.entries(screens)) {
        if (size === 'wide' && !['activity', 'activity-charts'].includes(name)) continue
        test(name, async ({ page }) => {
          await page.clock.setFixedTime(noon)
          await page.goto(`/?${'query' in screen ? screen.query : 'scene=mixed'}&signInTime=never`)
          await page.getByRole('button', { name: 'Activity' }).click()
          if ('then' in screen) await screen.then(page)
          await lookAt(page, `${name}-${colorScheme}-${size}`)
        })
      }
    })
  }
}
