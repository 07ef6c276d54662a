import { defineConfig } from '@playwright/test'
import { chromium } from './chromium.ts'

/**
 * Two kinds of tests:
 * - page: dist-fake (the page with a fake agent in it), served by Vite. Fast.
 * - backend: the page with the real Go side behind it. DRAWBRIDGE_E2E_BACKEND is
 *   the address that a window built with the tag `dev` serves; scripts/e2e.sh
 *   starts one, with an agent and a demo server, and DRAWBRIDGE_E2E_SERVER is the
 *   address of the latter.
 * A third kind makes pictures: `npm run screenshots` writes docs/screenshots.
 */
const backend = process.env['DRAWBRIDGE_E2E_BACKEND']
const kind = process.env['DRAWBRIDGE_SCREENSHOTS'] ? 'screenshots' : 'page'
// Below the range that systems hand out to others; another one for a second run
// beside the first.
const port = Number(process.env['DRAWBRIDGE_E2E_PORT'] ?? 24317)

export default defineConfig({
  testDir: './e2e',
  outputDir: './test-results',
  timeout: 120_000,
  expect: { timeout: 20_000 },
  forbidOnly: true,
  workers: 1,
  reporter: [['list']],
  use: {
    viewport: { width: 880, height: 680 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    launchOptions: chromium,
    trace: 'retain-on-failure',
  },
  projects: backend
    ? [{ name: 'backend', testMatch: 'backend/*.spec.ts', use: { baseURL: backend } }]
    : [{ name: kind, testMatch: `${kind}/*.spec.ts`, use: { baseURL: `http://127.0.0.1:${port}` } }],
  ...(backend
    ? {}
    : {
        webServer: {
          command: `npx vite build --mode fake --logLevel warn && npx vite preview --mode fake --outDir dist-fake --host 127.0.0.1 --port ${port} --strictPort`,
          url: `http://127.0.0.1:${port}`,
          timeout: 60_000,
        },
      }),
})
