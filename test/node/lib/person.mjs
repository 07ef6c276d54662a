// A person at a browser: headless Chromium opens the page, fills in the
// identity provider's own forms and stays until the sign-in has come back to
// the program that asked for it.
import fs from 'node:fs';
import process from 'node:process';

import { chromium } from 'playwright-core';

// What has to happen may take this long, in milliseconds: a busy machine holds a
// browser for seconds.
export const PATIENCE = 120_000;

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** findChromium names the browser, or says how to install one. */
export function findChromium() {
  const given = process.env.DRAWBRIDGE_TEST_CHROMIUM;
  const found = (given ? [given] : PLACES).find((p) => fs.existsSync(p));
  if (!found) throw new Error(`no Chromium at ${given ?? PLACES.join(', ')}: apt-get install chromium`);
  return found;
}

/** launch starts the browser; nothing but loopback can be reached from it. names are rules for names that lead there. */
export function launch(names = '') {
  return chromium.launch({
    executablePath: findChromium(),
    headless: true,
    timeout: PATIENCE,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-dev-shm-usage',
      '--disable-gpu',
      `--host-resolver-rules=${names}MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost`,
    ],
  });
}

/**
 * play opens url and answers the forms until the browser has left the
 * provider: {finalURL, title, text, screens}. mode "allow" signs in and
 * consents, "deny" cancels, "leave" looks at the first page and goes away.
 * through are origins that the way leads through, beside the first; page is one
 * of a browser that goes on living; look is shown each page that has a form.
 */
export async function play(url, { mode = 'allow', login = 'ada', timeout = PATIENCE, through = [], page: given, look } = {}) {
  const deadline = Date.now() + timeout;
  const left = () => Math.max(1, deadline - Date.now());
  const browser = given ? undefined : await launch();
  try {
    const page = given ?? await browser.newPage();
    page.setDefaultTimeout(timeout);
    const providers = [new URL(url).origin, ...through];
    const away = (u) => !providers.includes(u.origin);
    const screens = [];
    await page.goto(url, { waitUntil: 'load', timeout: left() });
    for (let step = 0; !away(new URL(page.url())); step += 1) {
      screens.push(await heading(page));
      if (mode === 'leave') break;
      if (step === 5 + 2 * through.length) throw new Error(`the forms do not end: ${screens.join(', ')}`);
      const form = await page.locator('form').count();
      if (form === 0 && await page.locator('meta[http-equiv="refresh"]').count()) { // the page leads on by itself
        const here = page.url();
        await page.waitForURL((u) => u.href !== here, { waitUntil: 'load', timeout: left() });
        continue;
      }
      if (form === 0) break; // an error page of the provider: this is the end
      await look?.(page);
      const before = page.url();
      // The last click may load for as long as the program that asked takes
      // to finish its exchange.
      const next = page.waitForURL((u) => u.href !== before, { waitUntil: 'load', timeout: left() });
      await Promise.all([next, answer(page, mode, login)]);
    }
    return {
      mode,
      finalURL: page.url(),
      title: await page.title(),
      text: (await page.locator('body').innerText()).trim(),
      screens,
    };
  } finally {
    await browser?.close();
  }
}

// heading is what the page calls itself; the provider's forms share one title.
async function heading(page) {
  const h1 = page.locator('h1').first();
  return (await h1.count()) ? h1.innerText() : page.title();
}

async function answer(page, mode, login) {
  if (mode === 'deny') {
    await page.locator('a[href$="/abort"], button[value="deny"]').first().click({ noWaitAfter: true });
    return;
  }
  const name = page.locator('input[name="login"], input[name="username"], input[type="email"]').first();
  if (await name.count()) await name.fill(login);
  const one = page.locator(`input[name="person"][value="${login}@example.com"]`); // the demo's list of people
  if (await one.count()) await one.check({ force: true });
  const password = page.locator('input[type="password"]').first();
  if (await password.count()) await password.fill('correct horse');
  await page.locator('button[type="submit"]:not([value="deny"])').first().click({ noWaitAfter: true });
}
