// The resource server of the end-to-end tests: a small gate in front of the
// real server-everything (Streamable HTTP). It checks the bearer token as an
// MCP server must (signature by JWKS, iss, aud, exp, scope), publishes RFC 9728
// metadata, challenges with 401 and 403, and passes everything else through
// as it is: bodies, streams, headers but Authorization.
//
//   node gate.mjs --issuer URL [--port N] [--scope "SCOPES"] [--need SCOPE]
//                 [--upstream URL] [--hint challenge|well-known|root] [--dpop]
//
// --scope   what the challenge asks for ("" leaves it out)
// --need    the scope that a token must have
// --hint    where the metadata is found: named in the challenge, at the
//           path-inserted well-known, or at the root one
// --opaque  tokens are no JWTs: the issuer is asked about each
// --dpop    only tokens that are bound to a key, each request with a proof (RFC 9449)
//
// Prints {"url":"http://127.0.0.1:PORT/mcp"} when ready, ends with its stdin
// and takes server-everything with it.
import http from 'node:http';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

import { Faults } from './lib/faults.mjs';
import { endWithStdin, listen, ready, sendJSON, sleep, withBackdoor } from './lib/part.mjs';
import { Proofs } from './lib/proofs.mjs';
import { startEverything } from './lib/upstream.mjs';

const { values: flags } = parseArgs({
  options: {
    issuer: { type: 'string' },
    port: { type: 'string', default: '0' },
    scope: { type: 'string', default: 'mcp:tools openid email profile' },
    need: { type: 'string', default: 'mcp:tools' },
    upstream: { type: 'string' },
    hint: { type: 'string', default: 'challenge' },
    opaque: { type: 'boolean', default: false },
    dpop: { type: 'boolean', default: false },
  },
});
if (!flags.issuer) {
  console.error('--issuer URL is missing');
  process.exit(2);
}

const PATH = '/mcp';
const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const LARGEST_TAP = 1 << 20;
const KEPT_CALLS = 1000;

const faults = new Faults();
const proofs = flags.dpop ? new Proofs() : undefined;
const count = {
  requests: 0, // that reached the gate's resource
  passed: 0, // with a good token
  byVerb: {}, // of the passed ones
  byMethod: {}, // JSON-RPC methods of the passed ones
  byTool: {}, // tools/call by tool
  calls: [], // of echo: whose token came with which message; the last ones
  refused: {}, // by reason: missing, expired, invalid, denied, scope, proof
  metadata: 0,
  unavailable: 0,
  openStreams: 0,
};
const seenTokens = new Map();
const openResponses = new Set();
let demanded = flags.need;
let denials = 0;
let distrusted = new Set();
let toHold = 0; // messages that are still to be held back
let held = []; // what lets those go that are

let everything = flags.upstream ? undefined : await startEverything();
const upstream = () => (flags.upstream ? new URL(flags.upstream).origin : `http://127.0.0.1:${everything.port}`);
// A server that the rig has not started closes a connection that was idle for 5 s; it
// must not happen while a request is on its way.
const agent = new http.Agent({ keepAlive: true, timeout: 2000 });

const discovered = await (await fetch(new URL('/.well-known/oauth-authorization-server', flags.issuer))).json();
const keys = discovered.jwks_uri && createRemoteJWKSet(new URL(discovered.jwks_uri), { cooldownDuration: 100 });

const server = withBackdoor({
  counts: () => ({ ...count, openStreams: openResponses.size, held: held.length, proofs: proofs?.counts() }),
  tokens: () => [...seenTokens.keys()].map((value) => ({ kind: 'access_token', value })),
  control,
}, handle);
server.requestTimeout = 0; // streams stay open
const port = await listen(server, Number(flags.port));
const resource = `http://127.0.0.1:${port}${PATH}`;
const metadataPath = flags.hint === 'root' ? WELL_KNOWN : `${WELL_KNOWN}${PATH}`;

endWithStdin(async () => {
  server.close();
  server.closeAllConnections();
  await everything?.stop();
});
ready({ url: resource, upstream: `${upstream()}${PATH}`, issuer: flags.issuer });

async function handle(req, res, path) {
  if (faults.refuse(path, res)) {
    count.unavailable += 1;
    return;
  }
  const late = faults.strike('delay', path);
  if (late) await sleep(late.ms);
  if (path === metadataPath) {
    count.metadata += 1;
    sendJSON(res, 200, {
      resource,
      resource_name: 'server-everything behind a gate',
      authorization_servers: [flags.issuer],
      bearer_methods_supported: ['header'],
      scopes_supported: [demanded],
      ...(proofs && { dpop_signing_alg_values_supported: ['ES256'], dpop_bound_access_tokens_required: true }),
    });
    return;
  }
  if (path !== PATH) {
    sendJSON(res, 404, { error: 'not here' });
    return;
  }
  count.requests += 1;
  if (toHold > 0 && req.method === 'POST') {
    toHold -= 1;
    await new Promise((resolve) => { held.push(resolve); });
  }
  const refusal = await check(req);
  if (refusal) {
    count.refused[refusal.reason] = (count.refused[refusal.reason] ?? 0) + 1;
    challenge(res, refusal);
    return;
  }
  pass(req, res);
}

// check returns why the request may not pass, or undefined.
async function check(req) {
  const [, scheme, token] = /^(Bearer|DPoP) +(\S+)$/i.exec(req.headers.authorization ?? '') ?? [];
  if (!token) return { reason: 'missing' };
  seenTokens.set(token, true);
  if (distrusted.has(token)) {
    return { reason: 'denied', error: 'invalid_token', description: 'The token was revoked' };
  }
  let claims;
  try {
    claims = await (flags.opaque ? introspect(token) : verify(token));
  } catch (error) {
    const expired = error instanceof errors.JWTExpired;
    return {
      reason: expired ? 'expired' : 'invalid',
      error: 'invalid_token',
      description: expired ? 'The token has expired' : `The token is not valid here (${error.code})`,
    };
  }
  if (/^dpop$/i.test(scheme) !== Boolean(proofs)) { // RFC 9449 §7.1: a bound token is no bearer token
    return { reason: 'proof', error: 'invalid_token', description: `A token of the scheme ${scheme} is not taken` };
  }
  const wrong = await proofs?.check(req, resource, token, claims);
  if (wrong) return { reason: 'proof', ...wrong };
  req.subject = claims.sub;
  if (denials > 0) {
    denials -= 1;
    return { reason: 'denied', error: 'invalid_token', description: 'The token was revoked' };
  }
  if (demanded && !String(claims.scope ?? '').split(' ').includes(demanded)) {
    return { reason: 'scope', status: 403, error: 'insufficient_scope', scope: demanded };
  }
  return undefined;
}

async function verify(token) {
  const { payload } = await jwtVerify(token, keys, {
    issuer: flags.issuer, audience: resource, typ: 'at+jwt', algorithms: ['RS256'],
  });
  return payload;
}

// introspect asks engine.mjs about a token that cannot be read, as by RFC 7662.
async function introspect(token) {
  const answer = await fetch(new URL('/__introspect', flags.issuer), {
    method: 'POST', body: new URLSearchParams({ token }),
  });
  const claims = await answer.json();
  if (!claims.active) throw Object.assign(new Error('not active'), { code: 'inactive' });
  return claims;
}

function challenge(res, { status = 401, error, description, scope = flags.scope }) {
  const params = [];
  if (error) params.push(`error="${error}"`);
  if (description) params.push(`error_description="${description}"`);
  if (scope) params.push(`scope="${scope}"`);
  if (flags.hint === 'challenge') params.push(`resource_metadata="${new URL(metadataPath, resource)}"`);
  if (proofs) params.push('algs="ES256"');
  const value = `${proofs ? 'DPoP' : 'Bearer'} ${params.join(', ')}`.trim();
  sendJSON(res, status, { error: error ?? 'unauthorized' }, { 'www-authenticate': value, ...(proofs && { 'dpop-nonce': proofs.nonce }) });
}

// pass hands the request on and the answer back, byte for byte and as it comes.
function pass(req, res) {
  count.passed += 1;
  count.byVerb[req.method] = (count.byVerb[req.method] ?? 0) + 1;
  tap(req);
  const headers = [];
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    if (!['authorization', 'dpop'].includes(req.rawHeaders[i].toLowerCase())) headers.push(req.rawHeaders[i], req.rawHeaders[i + 1]);
  }
  const base = new URL(upstream());
  const up = http.request({
    host: base.hostname, port: base.port, path: req.url, method: req.method, headers, agent,
  });
  up.on('response', (answer) => {
    res.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
    res.flushHeaders();
    if (/^text\/event-stream/.test(answer.headers['content-type'] ?? '')) openResponses.add(res);
    answer.pipe(res);
    answer.on('error', () => res.destroy());
  });
  up.on('error', (error) => {
    if (!res.closed) console.error(`upstream: ${error.message} (connection ${up.reusedSocket ? 'used before' : 'new'})`);
    if (res.headersSent) res.destroy();
    else sendJSON(res, 502, { error: `upstream: ${error.message}` });
  });
  res.on('close', () => {
    openResponses.delete(res);
    up.destroy();
  });
  req.pipe(up);
}

// tap counts the JSON-RPC methods of a body on its way through.
function tap(req) {
  if (req.method !== 'POST') return;
  const chunks = [];
  let size = 0;
  req.on('data', (chunk) => {
    size += chunk.length;
    if (size <= LARGEST_TAP) chunks.push(chunk);
  });
  req.on('end', () => {
    if (size > LARGEST_TAP) return;
    let body;
    try {
      body = JSON.parse(Buffer.concat(chunks).toString());
    } catch {
      return;
    }
    for (const message of Array.isArray(body) ? body : [body]) {
      const method = message.method ?? '(response)';
      count.byMethod[method] = (count.byMethod[method] ?? 0) + 1;
      if (method === 'tools/call') {
        const tool = String(message.params?.name);
        count.byTool[tool] = (count.byTool[tool] ?? 0) + 1;
        if (tool === 'echo') {
          count.calls.push({ subject: req.subject, message: String(message.params.arguments?.message) });
          if (count.calls.length > KEPT_CALLS) count.calls.shift();
        }
      }
    }
  });
}

// control obeys the fault orders and these:
//   {"do":"deny","times":1}            good tokens are refused, as if revoked
//   {"do":"distrust"}                  no token seen so far is good any more
//   {"do":"hold","times":64}           so many messages wait at the gate, before it looks at their token
//   {"do":"release"}                   until now
//   {"do":"keys"}                      the issuer's keys are fetched anew
//   {"do":"demand","scope":"mcp:admin"} another scope is needed from now on
//   {"do":"nonce"}                     proofs need another nonce from now on
//   {"do":"cut"}                       every open stream breaks
//   {"do":"restart"}                   server-everything restarts, its sessions are gone
async function control(order) {
  if (order.do === 'clear') {
    denials = 0;
    distrusted = new Set();
    demanded = flags.need;
  }
  if (faults.order(order)) return {};
  switch (order.do) {
    case 'deny':
      denials = order.times ?? 1;
      return {};
    case 'distrust':
      distrusted = new Set(seenTokens.keys());
      return { tokens: distrusted.size };
    case 'hold':
      toHold = order.times;
      return {};
    case 'release':
      for (const go of held) go();
      held = [];
      toHold = 0;
      return {};
    case 'keys':
      await keys.reload();
      return {};
    case 'nonce':
      proofs.renew();
      return {};
    case 'demand':
      demanded = order.scope;
      return {};
    case 'cut': {
      const cut = [...openResponses];
      for (const res of cut) res.destroy();
      return { cut: cut.length };
    }
    case 'restart':
      if (!everything) throw new Error('the upstream is not ours to restart');
      await everything.stop();
      everything = await startEverything();
      return { port: everything.port };
    default:
      throw new Error(`unknown order ${JSON.stringify(order.do)}`);
  }
}
