import { expect, test, type Page } from '@playwright/test'
import { drawn, lookAt, wider } from '../look.ts'
import { pictures } from '../pictures.ts'
import { screens, show } from './scenes.ts'

// Every screen in both themes: axe finds nothing, nothing is wider than the
// window, and a picture is kept in test/artifacts/screens for a person to look at.

for (const [size, viewport] of Object.entries({
  normal: { width: 880, height: 680 },
  narrow: { width: 420, height: 720 },
  wide: { width: 1600, height: 900 },
})) {
  test.describe(size, () => {
    test.use({ viewport })
    for (const screen of screens) {
      if (size === 'wide' && !['servers', 'token', 'inspect'].includes(screen.name)) continue
      test(screen.name, async ({ page }) => {
        await page.emulateMedia({ colorScheme: 'light' })
        await show(page, screen)
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          await lookAt(page, `${screen.name}-${colorScheme}-${size}`)
        }
        if (size === 'normal') await bearsTheSystem(page, screen.name)
      })
    }
  })
}

/** What the person's system asks for: no motion, few colours, large text. */
async function bearsTheSystem(page: Page, name: string) {
  // One after the other and each seen: a browser may put the colours of a theme on before it knows that nothing is to move.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.evaluate(drawn)
  await page.evaluate(watchMotion)
  await page.emulateMedia({ colorScheme: 'light' })
  await page.evaluate(drawn)
  expect(await page.evaluate(moving), 'nothing moves').toEqual([])

  await page.emulateMedia({ forcedColors: 'active' })
  await page.screenshot({ path: `${pictures}/${name}-forced.png` })
  expect(await page.evaluate(edgeless), 'each control has an edge').toEqual([])
  await page.emulateMedia({ forcedColors: 'none' })

  // The smallest window with text of 200 %, or any of 1280 px with 400 % (WCAG 2.2, 1.4.4 and 1.4.10).
  await page.setViewportSize({ width: 320, height: 360 })
  await page.screenshot({ path: `${pictures}/${name}-zoomed.png` })
  expect(await page.evaluate(wider), 'nothing scrolls sideways').toBeLessThanOrEqual(0)
  expect(await page.evaluate(cut), 'no text is cut').toEqual([])
}

// These run in the page.

type Watched = Window & { moved?: string[] }

/** Notes what begins to pass into something else, however quickly that is over. */
function watchMotion(): void {
  const moved: string[] = []
  ;(window as Watched).moved = moved
  document.addEventListener('transitionrun', (e) => moved.push(`transition of ${e.propertyName}`))
}

function moving(): string[] {
  const running = document
    .getAnimations()
    .filter((a) => a.playState === 'running' && Number(a.effect?.getComputedTiming().duration) > 0)
    .map((a) => (a as CSSAnimation).animationName || 'transition')
  return [...running, ...((window as Watched).moved ?? [])]
}

function edgeless(): string[] {
  const controls = document.querySelectorAll<HTMLElement>('button, select, textarea, input:not([type=radio])')
  return [...controls]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().width > 1)
    .filter((e) => {
      const style = getComputedStyle(e)
      const native = style.appearance !== 'none' && e.matches('[type=checkbox]')
      return !native && (style.borderTopStyle === 'none' || style.borderTopColor === 'rgba(0, 0, 0, 0)')
    })
    .map((e) => e.outerHTML.slice(0, 120))
}

function cut(): string[] {
  const found: string[] = []
  for (const e of document.querySelectorAll<HTMLElement>('main *, nav *, dialog *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent?.trim())
    if (!own || !e.checkVisibility()) continue
    const boxes: HTMLElement[] = []
    for (let box: HTMLElement | null = e; box; box = box.parentElement) boxes.push(box)
    const styles = boxes.map((box) => getComputedStyle(box))
    if (styles.some((style) => style.clipPath === 'inset(50%)')) continue // it is for being read out
    const scrolls = boxes.some((box, i) => box.tabIndex >= 0 && styles[i]?.overflowX === 'auto')
    if (scrolls || e.tagName === 'TEXTAREA') continue
    const dotted = boxes.find((_, i) => styles[i]?.textOverflow === 'ellipsis')
    if (dotted && dotted.closest('[title]')) continue // the rest is one hover away
    const { left, right } = e.getBoundingClientRect()
    const hidden = styles[0]?.overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1
    if (hidden || left < -1 || right > innerWidth + 1) found.push(e.outerHTML.slice(0, 160))
  }
  return found
}
