// A real browser whose person has allowed one client, and a page of somebody else
// in it, which tries to get through the bridge's sign-in with a client of its own.
// Says what became of each try in one JSON line.
//
//   node hostile-signin.mjs BASE PROVIDER ALLOWED STRANGE
//
// ALLOWED is an authorization request that the person allows, STRANGE one of the
// page's own client.
import http from 'node:http';
import process from 'node:process';

import { launch, PATIENCE, play } from './lib/person.mjs';

const [base, provider, allowed, strange] = process.argv.slice(2);
// What the page's owner sees of the question in a browser of their own.
const question = await new Promise((resolve, reject) => {
  http.get(strange, async (res) => resolve(Buffer.concat(await res.toArray()).toString())).once('error', reject);
});
const stolen = /name="request" value="([^"]+)"/.exec(question)[1];

const page = http.createServer((req, res) => res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>hostile</title>'));
await new Promise((resolve) => { page.listen(0, '127.0.0.1', resolve); });
const browser = await launch('MAP attacker.example 127.0.0.1, ');
const out = { said: {}, atProvider: 0 };
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  const tab = await context.newPage();
  out.allowed = (await play(allowed, { page: tab, through: [provider] })).finalURL;
  tab.on('request', (r) => { if (r.url().startsWith(provider)) out.atProvider += 1; });
  out.cookies = (await context.cookies(base)).filter((c) => c.name.startsWith('drawbridge-')).map(({ httpOnly, sameSite }) => `${httpOnly} ${sameSite}`);
  const answered = (path) => tab.waitForResponse((r) => new URL(r.url()).origin === new URL(base).origin && new URL(r.url()).pathname === path);
  // From another site, and from another port of this computer, which is the same
  // site: there cookies come along.
  for (const [name, origin] of [['site', 'http://attacker.example'], ['port', 'http://127.0.0.1']]) {
    await tab.goto(`${origin}:${page.address().port}/`);
    await tab.setContent(`<form method="post" action="${base}/oauth/authorize"><input name="request" value="${stolen}"><input name="answer" value="allow"></form>`);
    const [form] = await Promise.all([answered('/oauth/authorize'), tab.waitForURL(`${base}/oauth/authorize`), tab.evaluate(() => document.forms[0].submit())]);
    out.said[`form of another ${name}`] = String(form.status());
    await tab.goto(`${origin}:${page.address().port}/`);
    const [frame] = await Promise.all([answered('/oauth/authorize'), tab.setContent(`<iframe src="${strange.replaceAll('&', '&amp;')}"></iframe>`)]);
    out.said[`frame on another ${name}`] = String(frame.status());
    out.said[`script on another ${name}`] = await tab.evaluate(async (url) => {
      try { return await (await fetch(url, { credentials: 'include' })).text(); } catch (err) { return String(err); }
    }, strange);
  }
  // The address itself leads to the question, though another client was allowed.
  await tab.goto(strange);
  out.said.address = await tab.locator('h1').innerText();
  // And what was allowed goes on without one.
  const before = out.atProvider;
  await tab.goto(allowed);
  out.again = out.atProvider - before;
  out.atProvider = before;
} catch (err) {
  out.broken = String(err?.stack ?? err);
}
await browser.close();
page.close();
page.closeAllConnections();
process.stdout.write(`${JSON.stringify(out)}\n`);
