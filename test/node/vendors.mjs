// The authorization servers of lib/vendors.mjs, each an oidc-provider of its
// own, in one process behind one port: which of them is meant is the host that
// a request names, as it is behind a company's proxy (test/town).
//
//   node vendors.mjs
//
// Prints {"url":"http://127.0.0.1:PORT","customer":…,"vendors":[{name, issuer,
// hosts, client, secret}]} when ready, ends with its stdin. Besides the rig's
// own paths:
//
//   POST /__token {vendor, token}   what the token is worth: {} or {aud, scope, grantId}
//   POST /__control {"do":"client","vendor":NAME,"metadata":…}   a client is registered by hand
//   POST /__control {"do":"expire","vendor":NAME}   its access tokens are worth nothing from now on
//
// What oidc-provider has no setting for is done around it: before(), after().
import crypto from 'node:crypto';

import { Faults } from './lib/faults.mjs';
import { endWithStdin, listen, readBody, ready, sendJSON, withBackdoor } from './lib/part.mjs';
import { customer, plain, vendors } from './lib/vendors.mjs';

console.info = console.error; // its notices go to stdout, which is ours for the ready line
console.warn = console.error;
const { default: Provider, interactionPolicy, errors } = await import('oidc-provider');

const SECRET = 'a-secret-that-the-console-shows-once';
const ACCOUNT = 'urn:realm:account'; // what Keycloak's tokens are for, whatever was asked
const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'rig' };
const faults = new Faults();

class Vendor {
  constructor(name, row) {
    Object.assign(this, { name, row, complaints: [], refreshes: 0, signIns: 0, registrations: 0, lost: 0 });
    const { origin, host, pathname } = new URL(row.issuer);
    this.origin = origin;
    this.mount = pathname.replace(/\/$/, '');
    this.hosts = new Set([host, ...Object.values(row.endpoints ?? {}).map((address) => new URL(address).host)]);
    this.live = new Map(); // access token → {aud, scope}
    this.asked = new Map(); // code → parameters of its authorization
    this.grants = new Map(); // person and client → grant
    this.provider = new Provider(row.issuer, this.configuration());
    this.provider.proxy = true; // https is the town's
    this.provider.use((ctx, next) => this.around(ctx, next));
    this.watch();
    this.handle = this.provider.callback();
  }

  configuration() {
    const { row } = this;
    const policy = interactionPolicy.base();
    if (row.noConsent) policy.remove('consent');
    return {
      jwks: { keys: [key] },
      cookies: { keys: ['rig'] },
      conformIdTokenClaims: false,
      scopes: ['openid', 'offline_access', ...(row.scopes ?? [])],
      claims: { openid: ['sub'], email: ['email'] },
      clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      clients: row.register === 'anybody' ? [] : [this.client()],
      extraParams: ['access_type', 'audience'],
      pkce: { required: () => true },
      interactions: {
        policy,
        url: (ctx, interaction) => `${this.mount}/interaction/${interaction.uid}`,
      },
      loadExistingGrant: row.noConsent ? (ctx) => this.consented(ctx) : undefined,
      issueRefreshToken: async (ctx, client, code) => this.refreshable(code),
      rotateRefreshToken: Boolean(row.rotates),
      expiresWithSession: async () => false,
      findAccount: async (ctx, sub) => ({ accountId: sub, claims: async () => ({ sub, email: `${sub}@example.com` }) }),
      ttl: { AccessToken: 3600, AuthorizationCode: 60, IdToken: 600, RefreshToken: 86400, Interaction: 600, Session: 86400, Grant: 86400 },
      features: {
        devInteractions: { enabled: true },
        revocation: { enabled: true },
        deviceFlow: { enabled: Boolean(row.grants) },
        clientCredentials: { enabled: Boolean(row.grants) },
        introspection: { enabled: Boolean(row.grants) },
        registration: { enabled: row.register !== 'nobody', initialAccessToken: row.register === 'token' ? crypto.randomUUID() : false },
        resourceIndicators: {
          enabled: true,
          useGrantedResource: async () => true,
          defaultResource: async () => (row.resource === 'ignored' ? ACCOUNT : undefined),
          getResourceServerInfo: async (ctx, resource) => {
            if (row.resource === 'refused') throw new errors.InvalidTarget('AADSTS9010010: the resource parameter does not match the scopes');
            return {
              scope: '', audience: resource === ACCOUNT ? 'account' : resource,
              accessTokenFormat: row.opaque ? 'opaque' : 'jwt', jwt: { sign: { alg: 'RS256' } },
            };
          },
        },
      },
    };
  }

  client() {
    const { secret } = this.row;
    return {
      client_id: 'mine', redirect_uris: ['http://127.0.0.1/callback'], application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: secret ?? 'none', ...(secret && { client_secret: SECRET }),
    };
  }

  // consented: an administrator has said yes for everybody.
  async consented(ctx) {
    const { client, session, params } = ctx.oidc;
    const grant = new this.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(params.scope);
    await grant.save();
    return grant;
  }

  refreshable(code) {
    const { refreshIf } = this.row;
    if (refreshIf === false) return false;
    const asked = this.asked.get(code.jti) ?? {};
    return Object.entries(refreshIf ?? {}).every(([name, value]) => (asked[name] ?? '').split(' ').includes(value));
  }

  watch() {
    const { provider } = this;
    provider.on('authorization.success', (ctx) => {
      this.signIns += 1;
      const { AuthorizationCode: code } = ctx.oidc.entities; // a device sign-in has none
      if (code) this.asked.set(code.jti, ctx.oidc.params);
    });
    provider.on('registration_create.success', () => { this.registrations += 1; });
    provider.on('grant.success', async (ctx) => {
      if (ctx.oidc.params.grant_type === 'refresh_token') this.refreshes += 1;
    });
    for (const event of ['authorization.error', 'grant.error', 'registration_create.error', 'server_error']) {
      provider.on(event, (ctx, error) => {
        if (error.error === 'authorization_pending') return; // a device that asks
        this.complaints.push(`${event}: ${error.error ?? error.message}: ${error.error_description ?? ''} ${error.error_detail ?? ''}`);
      });
    }
  }

  // route finds the engine's own path for one of the vendor's; undefined: there
  // is nothing.
  route(address) {
    const { row, mount } = this;
    for (const [endpoint, place] of Object.entries(row.endpoints ?? {})) {
      if (place === address.origin + address.pathname) return { authorization: '/auth', token: '/token', registration: '/reg' }[endpoint];
    }
    if (address.pathname.includes('/.well-known/')) return row.metadata.includes(address.pathname) ? '/.well-known/openid-configuration' : undefined;
    if (!address.pathname.startsWith(`${mount}/`)) return undefined;
    const path = address.pathname.slice(mount.length);
    const moved = { '/auth': 'authorization', '/token': 'token', '/reg': 'registration' }[path];
    return row.endpoints?.[moved] ? undefined : path;
  }

  // before changes a request to what the engine is to see of it, or answers it.
  async before(req, res, path) {
    const { row } = this;
    const query = new URL(req.url, this.origin).searchParams;
    if (path === '/auth' && row.resource === 'audience') query.delete('resource');
    if (path === '/auth' && row.resource === 'audience' && query.has('audience')) query.set('resource', query.get('audience'));
    if (path === '/auth' && row.resource === 'ignored') query.delete('resource');
    if (path === '/auth' && row.scope && !query.has('scope')) query.set('scope', row.scope);
    const search = query.size ? `?${query}` : '';
    req.originalUrl = `${this.mount}${path}${search}`;
    req.url = `${path}${search}`;
    if (path !== '/token') return true;
    const form = new URLSearchParams((await readBody(req)).toString());
    if (row.resource === 'audience' || row.resource === 'ignored') form.delete('resource');
    req.body = form.toString();
    if (form.get('grant_type') !== 'refresh_token') return true;
    if (row.refreshScope && !form.get('scope')) {
      this.complaints.push('a refresh without scope');
      sendJSON(res, 400, { error: 'invalid_request', error_description: 'AADSTS90009: the application is requesting a token for itself' });
      return false;
    }
    const stored = await this.provider.RefreshToken.adapter.find(form.get('refresh_token'));
    if (row.grace && stored?.consumed && Date.now() / 1000 - stored.consumed < row.grace) delete stored.consumed;
    if (row.endsTokens) this.live.clear();
    return true;
  }

  async around(ctx, next) {
    await next();
    const { row } = this;
    if (ctx.path === '/.well-known/openid-configuration' && ctx.status === 200) {
      for (const [endpoint, place] of Object.entries(row.endpoints ?? {})) {
        if (ctx.body[`${endpoint}_endpoint`] || endpoint !== 'registration') ctx.body[`${endpoint}_endpoint`] = place;
      }
      if (row.noPKCE) delete ctx.body.code_challenge_methods_supported;
    }
    if (ctx.path !== '/token' || !ctx.body) return;
    if (ctx.body.access_token) await this.issued(ctx);
    if (faults.strike('lose', this.name)) {
      this.lost += 1;
      ctx.respond = false;
      ctx.res.destroy();
    }
    this.after(ctx);
  }

  // after gives a token answer the vendor's looks.
  after(ctx) {
    switch (this.row.answers) {
      case 'form': { // no end of the token is said, scopes have commas, an error has 200
        const { expires_in: end, ...rest } = ctx.body;
        if (rest.scope) rest.scope = rest.scope.replaceAll(' ', ',');
        ctx.status = 200;
        ctx.body = new URLSearchParams(rest).toString();
        ctx.type = 'application/x-www-form-urlencoded; charset=utf-8';
        break;
      }
      case 'ok':
        ctx.body = { ok: ctx.status === 200, ...ctx.body };
        ctx.status = 200;
        break;
      default:
    }
  }

  // issued notes a token, and ends those that the vendor ends for it.
  async issued(ctx) {
    const { AccessToken, ClientCredentials, Grant: grant, Client: client } = ctx.oidc.entities;
    const token = AccessToken ?? ClientCredentials;
    if (!grant) { // nobody's but the client's own
      this.live.set(ctx.body.access_token, { aud: token.aud, scope: token.scope, grantId: client.clientId });
      return;
    }
    const who = `${token.accountId} ${client.clientId}`;
    const before = this.grants.get(who);
    if (this.row.oneGrant && before && before !== grant.jti) {
      for (const [value, { grantId }] of this.live) if (grantId === before) this.live.delete(value);
      await this.provider.RefreshToken.revokeByGrantId(before);
    }
    this.grants.set(who, grant.jti);
    this.live.set(ctx.body.access_token, { aud: token.aud, scope: token.scope, grantId: grant.jti });
  }
}

const all = Object.entries({ ...vendors, ...plain }).map(([name, row]) => new Vendor(name, row));
const byHost = new Map(all.flatMap((vendor) => [...vendor.hosts].map((host) => [host, vendor])));
const named = (name) => all.find((vendor) => vendor.name === name) ?? (() => { throw new Error(`no vendor ${name}`); })();

const server = withBackdoor({
  counts: () => Object.fromEntries(all.map(({ name, complaints, refreshes, signIns, registrations, lost }) => [name, { complaints, refreshes, signIns, registrations, lost }])),
  tokens: () => [],
  control: async (order) => {
    if (order.do === 'client') {
      await named(order.vendor).provider.Client.adapter.upsert(order.metadata.client_id, order.metadata);
      return {};
    }
    if (faults.order(order)) return {};
    if (order.do !== 'expire') throw new Error(`unknown order ${JSON.stringify(order.do)}`);
    named(order.vendor).live.clear();
    return {};
  },
}, async (req, res) => {
  const vendor = byHost.get(req.headers.host);
  const address = new URL(req.url, `https://${req.headers.host}`);
  if (address.pathname === '/__token') {
    const { vendor: name, token } = JSON.parse((await readBody(req)).toString());
    sendJSON(res, 200, named(name).live.get(token) ?? {});
    return;
  }
  const path = vendor?.route(address);
  if (!path) {
    res.writeHead(404).end();
    return;
  }
  if (await vendor.before(req, res, path)) vendor.handle(req, res);
});
const port = await listen(server, 0);
endWithStdin(async () => {
  server.close();
  server.closeAllConnections();
});
ready({
  url: `http://127.0.0.1:${port}`,
  customer,
  plain: 'Plain',
  vendors: all.map(({ name, row, hosts }) => ({
    name, issuer: row.issuer, hosts: [...hosts], client: row.register === 'anybody' ? '' : 'mine', secret: row.secret ? SECRET : '',
  })),
});
