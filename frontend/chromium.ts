import { existsSync } from 'node:fs'

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** How the tests start the Chromium of this machine; CHROMIUM names another one. */
export const chromium = {
  executablePath: process.env['CHROMIUM'] ?? usual.find((path) => existsSync(path)) ?? 'chromium',
  args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'],
}
