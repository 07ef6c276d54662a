import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
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
// Each run has a port of its own, which its workers learn from the environment.
process.env['DRAWBRIDGE_E2E_PORT'] ??= execFileSync(
  process.execPath,
  [fileURLToPath(new URL('scripts/port.mjs', import.meta.url))],
  { encoding: 'utf8' },
).trim()
const port = process.env['DRAWBRIDGE_E2E_PORT']

export default defineConfig({
  testDir: './e2e',
  outputDir: './test-results',
  // What has to come is waited for as long as a slow machine takes.
  timeout: 300_000,
  expect: { timeout: 60_000 },
  forbidOnly: true,
  // The tests of the page share nothing; those of the backend share the agent.
  workers: kind === 'page' && !backend ? 2 : 1,
  fullyParallel: kind === 'page' && !backend,
  reporter: [['list']],
  use: {
    viewport: { width: 880, height: 680 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    launchOptions: chromium,
    // A trace costs as much as half of a test of the page, its film the other half. Where those of the page fail,
    // `--trace on` has one; with the agent a failure may not come again.
    trace: backend ? { mode: 'retain-on-failure', screenshots: false } : 'off',
    screenshot: 'only-on-failure',
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
          timeout: 300_000,
        },
      }),
})
