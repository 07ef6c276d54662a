// The identity provider of the end-to-end tests: npm oidc-provider as it is,
// set up as an MCP authorization server. PKCE is required, clients register
// themselves, access tokens are JWTs for the `resource` that was asked for,
// refresh tokens rotate and a second use of one revokes the whole grant.
//
//   node provider.mjs [--port N] [--ttl SECONDS] [--grace SECONDS] [--seed N]
//                     [--device] [--dpop] [--client JSON]      env DRAWBRIDGE_TEST_TTL
//
// --grace   how long after its use a refresh token is good once more
// --seed    of the faults that strike by dice
// --client  the one client that it knows: nobody can register, as at a company
// --device  people may sign in with a browser on another device (RFC 8628)
// --dpop    tokens are bound to a key where a proof with a nonce comes (RFC 9449)
//
// Prints {"issuer":"http://127.0.0.1:PORT"} when ready, ends with its stdin.
// Anybody may sign in, as any name with any password: "ada" is
// ada@example.com.
import crypto from 'node:crypto';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { endWithStdin, listen, readBody, ready, sleep, withBackdoor } from './lib/part.mjs';
import { offerExchange } from './lib/exchange.mjs';
import { Faults } from './lib/faults.mjs';
import { Ledger } from './lib/ledger.mjs';

// oidc-provider writes its notices to stdout, which is ours for the ready line.
console.info = console.error;
const { default: Provider } = await import('oidc-provider');

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    ttl: { type: 'string', default: process.env.DRAWBRIDGE_TEST_TTL || '60' },
    grace: { type: 'string', default: '0' },
    opaque: { type: 'boolean', default: false }, // access tokens are no JWTs
    seed: { type: 'string', default: '1' },
    device: { type: 'boolean', default: false },
    dpop: { type: 'boolean', default: false },
    client: { type: 'string' },
  },
});
let accessTTL = Number(flags.ttl);
if (!(accessTTL > 0)) {
  console.error(`--ttl ${flags.ttl}: not a number of seconds`);
  process.exit(2);
}

let grace = Number(flags.grace);
let nonceSecret = crypto.randomBytes(32);
let signingKey; // the JWK that tokens are signed with

const faults = new Faults(Number(flags.seed));
const ledger = new Ledger();
const inUse = new Map(); // hash of a refresh token → the answer to its request
const cookieKey = crypto.randomBytes(24).toString('base64url');

let provider; // with handleOIDC: the present one, which has the present keys
let handleOIDC; // set when the port, and with it the issuer, is known
const server = withBackdoor({
  counts: () => ledger.counts(),
  tokens: () => ledger.tokens(),
  control,
}, async (req, res, path) => {
  const isToken = req.method === 'POST' && path === '/token';
  if (isToken) await noteRefresh(req, res);
  if (faults.strike('drop', path)) {
    ledger.dropped += 1;
    req.refresh?.spoiled('dropped');
    req.socket.destroy();
    return;
  }
  if (faults.refuse(path, res)) {
    ledger.unavailable += 1;
    req.refresh?.spoiled('unavailable');
    return;
  }
  if (isToken) {
    await oneAtATime(req, res);
    return;
  }
  handleOIDC(req, res);
});

// noteRefresh reads a token request and, when it is a refresh, notes that it came.
async function noteRefresh(req, res) {
  const { remotePort } = req.socket;
  req.body = (await readBody(req)).toString();
  const token = new URLSearchParams(req.body).get('refresh_token');
  if (!token) return;
  req.refresh = ledger.refreshLog.begin(token, remotePort);
  res.once('close', () => req.refresh.over(res));
}

// Two requests with one refresh token in the same instant would both find it
// unused in a store without transactions; a provider with a database lets one
// win and sees a reuse in the other. So they go through one after the other.
async function oneAtATime(req, res) {
  const params = new URLSearchParams(req.body);
  ledger.tokenRequest(params);
  const token = params.get('refresh_token');
  if (!token) {
    handleOIDC(req, res);
    return;
  }
  const key = crypto.createHash('sha256').update(token).digest('hex');
  const before = inUse.get(key);
  const answered = (async () => {
    await before;
    if (grace > 0) await forgive(token, req);
    await new Promise((resolve) => {
      res.once('close', resolve);
      handleOIDC(req, res);
    });
  })();
  inUse.set(key, answered);
  await answered;
  if (inUse.get(key) === answered) inUse.delete(key);
}

// forgive lets a used refresh token be used once more, as providers with a
// grace period do for a client that did not get the answer.
async function forgive(token, req) {
  const stored = await provider.RefreshToken.adapter.find(token);
  if (!stored?.consumed || Date.now() / 1000 - stored.consumed > grace) return;
  delete stored.consumed;
  ledger.graced += 1;
  req.refresh.spoiled('graced');
}

const port = await listen(server, Number(flags.port));
const issuer = `http://127.0.0.1:${port}`;
let generation = 0;
await open();

// open makes the provider anew, with other signing keys unless sameKeys. One that
// was there before hands on what it has stored.
async function open({ sameKeys = false } = {}) {
  generation += 1;
  if (!sameKeys) {
    const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
    signingKey = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: `rig-${port}-${generation}` };
  }
  const config = await configuration();
  if (provider) {
    const { constructor: Memory, store } = provider.RefreshToken.adapter;
    config.adapter = (model) => new Memory(model, store);
  }
  provider = new Provider(issuer, config);
  offerExchange(provider, { issuer, jwks: config.jwks, server: config.features.resourceIndicators.getResourceServerInfo });
  ledger.watch(provider);
  provider.use(async (ctx, next) => {
    ledger.request(ctx.method, ctx.path);
    await next();
    ledger.answer(ctx);
    ctx.req.refresh?.answered(ctx.body, ctx.status);
    const late = faults.strike('delay', ctx.path);
    if (late) {
      ledger.late += 1;
      ctx.req.refresh?.spoiled('late');
      await sleep(late.ms);
    }
    if (faults.strike('lose', ctx.path)) {
      ledger.lost += 1;
      ctx.req.refresh?.spoiled('lost');
      ctx.respond = false;
      ctx.res.destroy();
    }
  });
  handleOIDC = provider.callback(); // what is added to the provider later is not in it
}

endWithStdin(async () => {
  server.close();
  server.closeAllConnections();
});
ready({ issuer, seed: Number(flags.seed) });

// control obeys the fault orders and these:
//   {"do":"ttl","seconds":5}      access tokens live that long from now on
//   {"do":"grace","seconds":30}   as --grace
//   {"do":"nonces"}               no DPoP nonce from before is good any more
//   {"do":"keys"}                 other signing keys; the old ones are gone
//   {"do":"revoke"}               every grant is gone
async function control(order) {
  if (faults.order(order)) return {};
  switch (order.do) {
    case 'ttl':
      accessTTL = Number(order.seconds);
      return { ttl: accessTTL };
    case 'grace':
      grace = Number(order.seconds);
      return { grace };
    case 'nonces':
      nonceSecret = crypto.randomBytes(32);
      await open({ sameKeys: true });
      return { generation };
    case 'keys':
      await open();
      return { generation };
    case 'revoke': {
      // Every grant is gone, as after a security incident: the next refresh
      // is answered with invalid_grant.
      const grants = ledger.takeGrants();
      for (const id of grants) {
        await Promise.all([
          provider.RefreshToken.revokeByGrantId(id),
          provider.AuthorizationCode.revokeByGrantId(id),
          provider.Grant.adapter.destroy(id),
        ]);
      }
      return { revoked: grants.length };
    }
    default:
      throw new Error(`unknown order ${JSON.stringify(order.do)}`);
  }
}

async function configuration() {
  return {
    jwks: { keys: [signingKey] },
    cookies: { keys: [cookieKey] },
    ...(flags.client ? { clients: [JSON.parse(flags.client)] } : {}),
    clockTolerance: 0,
    conformIdTokenClaims: false,
    scopes: ['openid', 'offline_access', 'email', 'profile', 'mcp:tools', 'mcp:admin'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    pkce: { required: () => true },
    // A refresh token without offline_access, and for every grant: the
    // provider drops that scope unless the client asks for prompt=consent.
    issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async () => false,
    rotateRefreshToken: true,
    findAccount: (ctx, sub) => account(sub),
    extraTokenClaims: async (ctx, token) => {
      if (!token.accountId) return undefined;
      const { email, name } = await account(token.accountId).claims();
      return { email, name };
    },
    ttl: {
      AccessToken: () => accessTTL,
      AuthorizationCode: 60,
      IdToken: 600,
      RefreshToken: 86400,
      Interaction: 600,
      Session: 86400,
      Grant: 86400,
    },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: !flags.client },
      revocation: { enabled: true },
      deviceFlow: { enabled: flags.device },
      dPoP: flags.dpop ? { enabled: true, nonceSecret, requireNonce: () => true } : { enabled: false },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // No default: a token request that forgets `resource` gets an opaque
        // token that no gate accepts, and the test sees it.
        getResourceServerInfo: async (ctx, resource) => ({
          scope: 'mcp:tools mcp:admin',
          audience: resource,
          accessTokenFormat: flags.opaque ? 'opaque' : 'jwt',
          accessTokenTTL: accessTTL,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  };
}

function account(sub) {
  const login = sub.split('@')[0];
  const names = { ada: 'Ada Lovelace', grace: 'Grace Hopper' };
  return {
    accountId: sub,
    async claims() {
      return {
        sub,
        email: sub.includes('@') ? sub : `${sub}@example.com`,
        email_verified: true,
        name: names[login] ?? login,
      };
    },
  };
}
