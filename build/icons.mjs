// Draws the PNG and ICO files from the SVG sources in this folder:
//
//   node build/icons.mjs        (needs Chromium, ImageMagick and frontend/node_modules)
//
// The results are committed; run it after a change of an SVG.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const { chromium } = createRequire(join(here, '../frontend/package.json'))('playwright')
const work = mkdtempSync(join(tmpdir(), 'icons-'))
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})

async function png(svg, size, out) {
  const page = await browser.newPage({ viewport: { width: size, height: size } })
  const source = readFileSync(join(here, svg)).toString('base64')
  await page.setContent(
    `<body style="margin:0"><img width="${size}" height="${size}" style="display:block" src="data:image/svg+xml;base64,${source}">`,
  )
  await page.locator('img').screenshot({ path: out, omitBackground: true })
  await page.close()
}

async function ico(svg, sizes, out) {
  const files = []
  for (const size of sizes) {
    const file = join(work, `${size}.png`)
    await png(svg, size, file)
    files.push(file)
  }
  execFileSync('convert', [...files, out])
}

await png('appicon.svg', 1024, join(here, 'appicon.png'))
// The window's own: a large one takes longer to unpack than all else before the window.
await png('appicon.svg', 128, join(here, 'windowicon.png'))
await ico('appicon.svg', [16, 24, 32, 48, 64, 128, 256], join(here, 'windows/icon.ico'))
for (const state of ['ok', 'busy', 'needed', 'trouble']) {
  for (const size of [22, 32, 44]) await png(`tray/${state}.svg`, size, join(here, `tray/${state}-${size}.png`))
  // What bridge/tray embeds: one size that panels scale down, and one file with all sizes for Windows.
  await png(`tray/${state}.svg`, 44, join(here, `../bridge/tray/icons/${state}.png`))
  await ico(`tray/${state}.svg`, [16, 20, 24, 32, 48], join(here, `../bridge/tray/icons/${state}.ico`))
}
await browser.close()
rmSync(work, { recursive: true })
