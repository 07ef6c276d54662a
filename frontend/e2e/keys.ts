import type { Page } from '@playwright/test'

/** Presses Tab until what has the name, once it is there, has the focus. */
export async function tabTo(page: Page, name: string): Promise<void> {
  await page.waitForFunction((name) => {
    const all = document.querySelectorAll('a, button, input, select, summary, textarea, [tabindex]')
    return [...all].some((e) => (e.getAttribute('aria-label') ?? e.textContent.trim()) === name)
  }, name)
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const e = document.activeElement
      return e === null ? '' : (e.getAttribute('aria-label') ?? e.textContent.trim())
    })
    if (focused === name) return
  }
  throw new Error(`Tab never comes to ${name}`)
}
