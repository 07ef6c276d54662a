// The official TypeScript SDK's client with the SDK's own OAuth, and a person at
// one browser: discovers, registers, signs in, calls a tool, waits until the token
// is over, calls again (the SDK refreshes), then signs in once more in the same
// browser.
//
//   node oauth-client.mjs URL ORIGIN…      ORIGIN: where the person's way leads through,
//                                          first the rig's provider, which is told to
//                                          give longer tokens once the first is there
//   env DRAWBRIDGE_TEST_WAIT               how long the token lasts, in seconds
//
// Prints one JSON line: {tools, first, second, screens: [[…],[…]], client, issuer,
// tokens, looked, axe, errors}: how many pages of the server's own axe looked at, and
// what it found there.
import http from 'node:http';
import process from 'node:process';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { axeFinds } from './lib/axe.mjs';
import { sleep } from './lib/part.mjs';
import { launch, play } from './lib/person.mjs';

const [address, ...through] = process.argv.slice(2);
const out = { tools: [], first: '', second: '', screens: [], axe: [], looked: 0, errors: [] };

// look examines the server's own pages, not the provider's.
async function look(page) {
  if (new URL(page.url()).origin !== new URL(address).origin) return;
  out.looked += 1;
  out.axe.push(...await axeFinds(page));
}

const answers = [];
const listener = http.createServer((req, res) => {
  const url = new URL(req.url, 'http://127.0.0.1');
  if (url.pathname === '/callback') answers.push(url.searchParams);
  res.setHeader('content-type', 'text/html').end('<h1>Back at the client</h1>');
});
await new Promise((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
const redirect = `http://127.0.0.1:${listener.address().port}/callback`;

const kept = {};
const provider = {
  redirectUrl: redirect,
  clientMetadata: {
    client_name: 'The SDK', redirect_uris: [redirect], grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'], token_endpoint_auth_method: 'none', application_type: 'native',
  },
  state: () => 'the-state-of-the-sdk',
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; (kept.all ??= []).push(tokens); },
  redirectToAuthorization: (url) => { kept.url = url; },
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
};

const browser = await launch();
try {
  const page = await (await browser.newContext()).newPage();
  // signIn ends with a client that is connected.
  const signIn = async () => {
    const transport = new StreamableHTTPClientTransport(new URL(address), { authProvider: provider });
    const client = new Client({ name: 'oauth-client', version: '1.0.0' });
    const error = await client.connect(transport).catch((e) => e);
    if (error?.constructor.name !== 'UnauthorizedError') throw error ?? new Error('connected without a token');
    const seen = await play(kept.url.href, { through, page, look });
    out.screens.push(seen.screens);
    const answer = answers.shift();
    if (!answer?.get('code')) throw new Error(`the browser came back with ${answer} at ${seen.finalURL}: ${seen.text}`);
    if (answer.get('state') !== 'the-state-of-the-sdk') throw new Error('another state came back');
    out.issuer = answer.get('iss');
    await transport.finishAuth(answer.get('code'));
    await fetch(new URL('/__control', through[0]), { method: 'POST', body: JSON.stringify({ do: 'ttl', seconds: 3600 }) });
    const connected = new Client({ name: 'oauth-client', version: '1.0.0' });
    await connected.connect(new StreamableHTTPClientTransport(new URL(address), { authProvider: provider }));
    return connected;
  };
  const call = async (client, message) => (await client.callTool({ name: 'echo', arguments: { message } })).content[0].text;
  const client = await signIn();
  out.tools = (await client.listTools()).tools.map((t) => t.name);
  out.first = await call(client, 'before');
  await sleep(1000 * Number(process.env.DRAWBRIDGE_TEST_WAIT));
  out.second = await call(client, 'after');
  await client.close();
  out.tokens = kept.all.length;
  kept.tokens = undefined;
  await (await signIn()).close();
  out.client = kept.client;
} catch (err) {
  out.errors.push(String(err?.stack ?? err));
} finally {
  await browser.close();
  listener.close();
}
process.stdout.write(`${JSON.stringify(out)}\n`);
process.exit(0);
