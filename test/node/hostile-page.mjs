// A real browser with a page of somebody else open, which tries whatever a page
// can to use a local bridge that has no guard. Says what became of each try in
// one JSON line.
//
//   node hostile-page.mjs http://127.0.0.1:PORT/SERVER/mcp
import http from 'node:http';
import process from 'node:process';

import { launch, PATIENCE } from './lib/person.mjs';

const bridge = new URL(process.argv[2]);
const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'page', version: '1' } } });
const page = http.createServer((req, res) => res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>hostile</title>'));
await new Promise((resolve) => { page.listen(0, '127.0.0.1', resolve); });
const browser = await launch('MAP attacker.example 127.0.0.1, ');
const out = { statuses: [], said: {} };
try {
  const tab = await browser.newPage();
  tab.setDefaultTimeout(PATIENCE);
  tab.on('response', (r) => { if (new URL(r.url()).port === bridge.port) out.statuses.push(r.status()); });
  await tab.goto(`http://attacker.example:${page.address().port}/`);
  out.said = await tab.evaluate(async ({ url, sse, message }) => {
    const said = {};
    const attempt = async (name, what) => {
      try { said[name] = await what(); } catch (err) { said[name] = String(err); }
    };
    const post = (type, mode) => fetch(url, { method: 'POST', mode, headers: { 'content-type': type, accept: 'application/json, text/event-stream' }, body: message });
    await attempt('opaque POST', async () => (await post('text/plain', 'no-cors')).type);
    await attempt('POST of JSON', async () => (await post('application/json', 'cors')).text());
    await attempt('readable GET', async () => (await fetch(sse)).text());
    await attempt('opaque GET', async () => (await fetch(sse, { mode: 'no-cors' })).type);
    await attempt('event source', () => new Promise((resolve) => {
      const source = new EventSource(sse);
      source.onopen = () => resolve('open');
      source.onerror = () => { source.close(); resolve('error'); };
    }));
    await attempt('image', () => new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve('loaded');
      image.onerror = () => resolve('error');
      image.src = sse;
    }));
    return said;
  }, { url: bridge.href, sse: bridge.href.replace(/mcp$/, 'sse'), message });
  // A form needs no script, and its page goes away with it.
  await tab.setContent(`<form method="post" enctype="text/plain" action="${bridge.href}"><input name='${message.slice(0, -1)},"x":"' value='"}'></form>`);
  const [form] = await Promise.all([tab.waitForResponse((r) => r.request().method() === 'POST'), tab.evaluate(() => document.forms[0].submit())]);
  out.said.form = String(form.status());
  // DNS rebinding: the page's own name leads to the bridge now, so that its
  // requests are of the same origin. A page of the attacker's own has no policy
  // (CSP) that would keep it from asking; the bridge's answer has.
  const other = await browser.newPage({ bypassCSP: true });
  other.setDefaultTimeout(PATIENCE);
  const rebound = await other.goto(`http://attacker.example:${bridge.port}${bridge.pathname}`);
  out.said['rebound page'] = String(rebound.status());
  out.said['rebound POST'] = await other.evaluate(async ({ path, message }) => {
    const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: message });
    return String(answer.status);
  }, { path: bridge.pathname, message });
} catch (err) {
  out.said.broken = String(err);
}
await browser.close();
page.close();
page.closeAllConnections();
process.stdout.write(`${JSON.stringify(out)}\n`);
