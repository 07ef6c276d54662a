// Proves that the parts of the rig work with each other, with nothing of
// Drawbridge in between: a small OAuth client of its own signs in through the
// provider with a person at the browser and calls the server behind the gate.
//
//   npm run selftest      (or: bin/node node/selftest.mjs)
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import process from 'node:process';
import readline from 'node:readline';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { play } from './lib/person.mjs';
import { listen, sleep } from './lib/part.mjs';

const here = (name) => new URL(name, import.meta.url).pathname;
const parts = [];

async function start(script, ...args) {
  const child = spawn(process.execPath, [here(script), ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
  parts.push(child);
  const lines = readline.createInterface({ input: child.stdout });
  const [line] = await once(lines, 'line', { signal: AbortSignal.timeout(120_000) });
  return JSON.parse(line);
}

const getJSON = async (url) => (await fetch(url)).json();
const order = async (base, what) => {
  const answer = await fetch(new URL('/__control', base), { method: 'POST', body: JSON.stringify(what) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};
const b64 = (bytes) => Buffer.from(bytes).toString('base64url');

let clock = Date.now();
function step(what) {
  const now = Date.now();
  console.log(`ok   ${what} (${now - clock} ms)`);
  clock = now;
}

async function signIn(gate, mode) {
  const refused = await fetch(gate, { method: 'POST', body: '{}' });
  assert.equal(refused.status, 401);
  const challenge = refused.headers.get('www-authenticate');
  const scope = /scope="([^"]+)"/.exec(challenge)[1];
  const metadata = await getJSON(/resource_metadata="([^"]+)"/.exec(challenge)[1]);
  assert.equal(metadata.resource, gate);
  const [issuer] = metadata.authorization_servers;
  const as = await getJSON(`${issuer}/.well-known/oauth-authorization-server`);
  assert.equal(as.issuer, issuer);
  assert.equal(as.authorization_response_iss_parameter_supported, true);
  assert.deepEqual(as.code_challenge_methods_supported, ['S256']);

  const state = b64(crypto.randomBytes(16));
  const verifier = b64(crypto.randomBytes(32));
  let arrived;
  const arrival = new Promise((resolve) => { arrived = resolve; });
  const callback = http.createServer((req, res) => {
    res.setHeader('content-type', 'text/html');
    res.end('<title>Back</title><p>You are back.</p>');
    if (req.url.startsWith('/callback')) arrived(new URL(req.url, gate).searchParams);
  });
  const redirect = `http://127.0.0.1:${await listen(callback, 0)}/callback`;
  try {
    const registered = await fetch(as.registration_endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'rig self-test',
        application_type: 'native',
        // Another port than the one in use: any loopback port must do.
        redirect_uris: ['http://127.0.0.1:9/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      }),
    });
    assert.equal(registered.status, 201);
    const { client_id: clientID } = await registered.json();
    const url = `${as.authorization_endpoint}?${new URLSearchParams({
      response_type: 'code',
      client_id: clientID,
      redirect_uri: redirect,
      scope: `${scope} offline_access`,
      state,
      resource: gate,
      code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })}`;
    const seen = await play(url, { mode });
    const answer = await arrival;
    assert.equal(answer.get('state'), state);
    assert.equal(answer.get('iss'), issuer);
    assert.equal(seen.title, 'Back');
    return { as, answer, clientID, redirect, verifier, gate, seen };
  } finally {
    callback.close();
  }
}

async function token({ as, clientID, gate }, fields) {
  const answer = await fetch(as.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ client_id: clientID, resource: gate, ...fields }),
  });
  return { status: answer.status, ...(await answer.json()) };
}

const exchange = (flow) => token(flow, {
  grant_type: 'authorization_code',
  code: flow.answer.get('code'),
  redirect_uri: flow.redirect,
  code_verifier: flow.verifier,
});

async function callEcho(gate, bearer) {
  const client = new Client({ name: 'selftest', version: '0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(gate), {
    requestInit: { headers: { authorization: `Bearer ${bearer}` } },
  }));
  try {
    const { tools } = await client.listTools();
    const result = await client.callTool({ name: 'echo', arguments: { message: 'hello' } });
    return { tools: tools.length, text: result.content[0].text };
  } finally {
    await client.close();
  }
}

async function main() {
  const { issuer } = await start('provider.mjs', '--ttl', '3600');
  step('provider is up');
  const { url: gate } = await start('gate.mjs', '--issuer', issuer);
  step('gate and server-everything are up');
  const counts = () => getJSON(`${issuer}/__counts`);

  const flow = await signIn(gate, 'allow');
  step(`a person signed in: ${flow.seen.screens.join(', ')}`);
  const first = await exchange(flow);
  assert.equal(first.status, 200, JSON.stringify(first));
  assert.ok(first.access_token && first.refresh_token && first.id_token);
  const echoed = await callEcho(gate, first.access_token);
  assert.equal(echoed.text, 'Echo: hello');
  step(`echo answered, ${echoed.tools} tools`);

  const refresh = (value) => token(flow, { grant_type: 'refresh_token', refresh_token: value });
  const second = await refresh(first.refresh_token);
  assert.equal(second.status, 200, JSON.stringify(second));
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.equal((await callEcho(gate, second.access_token)).text, 'Echo: hello');
  step('refreshed and rotated');

  await order(issuer, { do: 'ttl', seconds: 1 });
  const brief = await refresh(second.refresh_token);
  assert.equal(brief.expires_in, 1);
  await order(issuer, { do: 'ttl', seconds: 3600 });
  await sleep(1500);
  const expired = await fetch(gate, { method: 'POST', headers: { authorization: `Bearer ${brief.access_token}` } });
  assert.equal(expired.status, 401);
  assert.match(expired.headers.get('www-authenticate'), /error="invalid_token", error_description="The token has expired"/);
  step('an expired token is refused');

  await order(issuer, { do: 'unavailable', paths: ['/token'], times: 1, retryAfter: 1 });
  const down = await fetch(flow.as.token_endpoint, { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token' }) });
  assert.equal(down.status, 503);
  step('a fault by order');

  const pair = await Promise.all([refresh(brief.refresh_token), refresh(brief.refresh_token)]);
  assert.deepEqual(pair.map((p) => p.status).sort(), [200, 400]);
  const third = pair.find((p) => p.status === 200);
  assert.equal((await refresh(third.refresh_token)).error, 'invalid_grant');
  const afterReuse = await counts();
  assert.equal(afterReuse.reuses, 1);
  assert.equal(afterReuse.grantsRevoked, 1);
  step('two refreshes with one token: a reuse, and the grant is gone');

  const unaimed = await signIn(gate, 'allow');
  const again = await exchange(unaimed);
  const opaque = await token(unaimed, { grant_type: 'refresh_token', refresh_token: again.refresh_token, resource: '' });
  assert.ok(opaque.status !== 200 || opaque.access_token.split('.').length === 1);
  step('a refresh without resource gives no token for the server');

  const leaving = await signIn(gate, 'allow');
  const last = await exchange(leaving);
  const revoked = await fetch(leaving.as.revocation_endpoint, {
    method: 'POST', body: new URLSearchParams({ client_id: leaving.clientID, token: last.refresh_token }),
  });
  assert.equal(revoked.status, 200);
  assert.equal((await counts()).revocations, 1);
  assert.equal((await counts()).grantsRevoked, 2);
  step('revoked by the client');

  await order(gate, { do: 'deny', times: 1 });
  const denied = await fetch(gate, { method: 'POST', headers: { authorization: `Bearer ${last.access_token}` } });
  assert.equal(denied.status, 401);
  await order(gate, { do: 'demand', scope: 'mcp:admin' });
  const narrow = await fetch(gate, { method: 'POST', headers: { authorization: `Bearer ${last.access_token}` } });
  assert.equal(narrow.status, 403);
  assert.match(narrow.headers.get('www-authenticate'), /insufficient_scope.*mcp:admin/);
  await order(gate, { do: 'clear' });
  await order(gate, { do: 'restart' });
  assert.equal((await callEcho(gate, last.access_token)).text, 'Echo: hello');
  step('deny, demand and restart');

  const no = await signIn(gate, 'deny');
  assert.equal(no.answer.get('error'), 'access_denied');
  step('a person who says no');

  const at = await counts();
  assert.equal(at.registrations, 4);
  assert.equal(at.signIns, 3);
  assert.equal(at.authorizations, 4);
  const secrets = await getJSON(`${issuer}/__tokens`);
  assert.ok(secrets.some((s) => s.value === first.refresh_token && s.kind === 'refresh_token'));
  assert.ok((await getJSON(new URL('/__tokens', gate))).some((s) => s.value === first.access_token));
  step('counts and secrets are written down');
  console.log(JSON.stringify({ provider: at, gate: await getJSON(new URL('/__counts', gate)) }));
}

try {
  await main();
} finally {
  for (const child of parts) child.stdin.end();
  await Promise.all(parts.map((child) => (child.exitCode === null ? once(child, 'exit') : undefined)));
}
