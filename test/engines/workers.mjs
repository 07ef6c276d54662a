// Cloudflare's workers-oauth-provider in workerd, as it runs hosted MCP
// servers: tokens are opaque; the refresh token before the last one is good
// once more until the last one is used.
import { createRequire } from 'node:module';
import fs from 'node:fs';

import { Miniflare } from 'miniflare';

const SHORTEST = 60; // of its access tokens, in seconds
const SCOPES = ['openid', 'offline_access', 'email', 'profile', 'mcp:tools', 'mcp:admin'];

// The worker is told the resource with each request: the gate's address is not
// known when it starts.
const WORKER = `
import { WorkerEntrypoint } from 'cloudflare:workers';
import { OAuthAuthorizationServer } from './library.mjs';

const servers = new Map();
function serverFor(resource, env) {
  if (!servers.has(resource)) {
    servers.set(resource, new OAuthAuthorizationServer({
      issuer: env.ISSUER, resources: [resource],
      authorizeEndpoint: '/authorize', tokenEndpoint: '/token', clientRegistrationEndpoint: '/register',
      scopesSupported: ${JSON.stringify(SCOPES)}, accessTokenTTL: env.TTL,
    }));
  }
  return servers.get(resource);
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const resource = request.headers.get('x-rig-resource');
    const server = serverFor(resource, this.env);
    const { pathname } = new URL(request.url);
    if (pathname === '/__introspect') {
      const token = (await request.formData()).get('token');
      const known = await server.validateToken(resource, token, this.env);
      return Response.json(known ? { active: true, scope: (known.auth?.scope ?? known.scope).join(' ') } : { active: false });
    }
    if (pathname === '/authorize') {
      if (request.method === 'GET') {
        return new Response('<!doctype html><title>workers</title><h1>Allow</h1><form method="post"><button type="submit">Allow</button></form>',
          { headers: { 'content-type': 'text/html; charset=utf-8' } });
      }
      const api = server.getOAuthApi(this.env);
      const asked = await api.parseAuthRequest(new Request(request.url));
      const { redirectTo } = await api.completeAuthorization({
        request: asked, userId: 'ada', metadata: {}, scope: asked.scope, props: { name: 'ada' },
      });
      return Response.redirect(redirectTo, 302);
    }
    return server.fetch(request, this.env, this.ctx);
  }
}
`;

/** start runs the engine under the issuer's address: {fetch, order, stop}. */
export async function start({ issuer, ttl }) {
  const require = createRequire(import.meta.url);
  const library = fs.readFileSync(require.resolve('@cloudflare/workers-oauth-provider'), 'utf8');
  const flare = new Miniflare({
    modules: [
      { type: 'ESModule', path: 'worker.mjs', contents: WORKER },
      { type: 'ESModule', path: 'library.mjs', contents: library },
    ],
    compatibilityDate: '2026-01-01',
    kvNamespaces: ['OAUTH_KV'],
    bindings: { ISSUER: issuer, TTL: Math.max(ttl, SHORTEST) },
  });
  await flare.ready;
  let resource = `${issuer}/mcp`;
  return {
    fetch: (path, init) => flare.dispatchFetch(issuer + path, {
      ...init, headers: { ...init.headers, 'x-rig-resource': resource },
    }),
    order(order) {
      if (order.do !== 'resource') throw new Error(`unknown order ${order.do}`);
      resource = order.url;
      return {};
    },
    stop: () => flare.dispose(),
  };
}
