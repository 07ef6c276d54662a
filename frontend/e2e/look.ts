import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'
import { pictures } from './pictures.ts'

/** What a screen must be in each theme and size: axe finds nothing, nothing is wider than the window. Keeps a picture. */
export async function lookAt(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${pictures}/${name}.png` })
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  expect(wider, 'the page does not scroll sideways').toBeLessThanOrEqual(0)
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`)).toEqual([])
}
