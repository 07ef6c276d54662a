import { defineConfig } from '@playwright/test'

/**
 * Two kinds of tests:
 * - page: dist-fake (the page with a fake agent in it), served by Vite. Fast.
 * - backend: the real Go side; DRAWBRIDGE_E2E_BACKEND is the address of a window
 *   built with the tags desktop,dev,webkit2_41 and started with -devserver.
 */
const backend = process.env['DRAWBRIDGE_E2E_BACKEND']
const port = 34317

export default defineConfig({
  testDir: './e2e',
  outputDir: './test-results',
  timeout: 30_000,
  expect: { timeout: 5_000 },
  forbidOnly: true,
  workers: 1,
  reporter: [['list']],
  use: {
    viewport: { width: 880, height: 680 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'],
    },
  },
  projects: backend
    ? [{ name: 'backend', testMatch: 'backend/*.spec.ts', use: { baseURL: backend } }]
    : [{ name: 'page', testMatch: 'page/*.spec.ts', use: { baseURL: `http://127.0.0.1:${port}` } }],
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
