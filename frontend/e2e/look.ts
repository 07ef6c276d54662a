import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'
import { pictures } from './pictures.ts'

/** How far the page, or the dialog over it, scrolls sideways, in px. It runs in the page. */
export function wider(): number {
  const boxes = [document.documentElement, ...document.querySelectorAll('dialog[open]')]
  return Math.max(...boxes.map((box) => box.scrollWidth - box.clientWidth))
}

/** Waits until the page has been drawn as it is now; one that is behind another never is. It runs in the page. */
export function drawn(): Promise<void> {
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))
}

/**
 * Brings colours that still pass into others to their end. It does not wait for that: what is not in sight may stand
 * still for ever. It runs in the page.
 */
function settle(): void {
  for (const a of document.getAnimations()) if (Number.isFinite(a.effect?.getComputedTiming().endTime)) a.finish()
}

/**
 * axe finds nothing. It runs in one go: the page has no frames, and for these alone it would take a page of its own
 * for each look.
 */
export async function axe(page: Page, tags?: string[]): Promise<void> {
  await page.evaluate(settle)
  const builder = new AxeBuilder({ page }).setLegacyMode()
  const { violations } = await (tags ? builder.withTags(tags) : builder).analyze()
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`)).toEqual([])
}

const everyTag = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** What a screen must be in each theme and size: axe finds nothing, nothing is wider than the window. Keeps a picture. */
export async function lookAt(page: Page, name: string): Promise<void> {
  await page.evaluate(drawn)
  await page.evaluate(settle)
  await page.screenshot({ path: `${pictures}/${name}.png` })
  expect(await page.evaluate(wider), 'the page does not scroll sideways').toBeLessThanOrEqual(0)
  await axe(page, everyTag)
}
