// The identity provider of the end-to-end tests: npm oidc-provider as it is,
// set up as an MCP authorization server. PKCE is required, clients register
// themselves, access tokens are JWTs for the `resource` that was asked for,
// refresh tokens rotate and a second use of one revokes the whole grant.
//
//   node provider.mjs [--port N] [--ttl SECONDS]       env DRAWBRIDGE_TEST_TTL
//
// Prints {"issuer":"http://127.0.0.1:PORT"} when ready, ends with its stdin.
// Anybody may sign in, as any name with any password: "ada" is
// ada@example.com.
import crypto from 'node:crypto';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { endWithStdin, listen, readBody, ready, sleep, withBackdoor } from './lib/part.mjs';
import { Faults } from './lib/faults.mjs';
import { Ledger } from './lib/ledger.mjs';

// oidc-provider writes its notices to stdout, which is ours for the ready line.
console.info = console.error;
const { default: Provider } = await import('oidc-provider');

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    ttl: { type: 'string', default: process.env.DRAWBRIDGE_TEST_TTL || '60' },
  },
});
let accessTTL = Number(flags.ttl);
if (!(accessTTL > 0)) {
  console.error(`--ttl ${flags.ttl}: not a number of seconds`);
  process.exit(2);
}

const faults = new Faults();
const ledger = new Ledger();
const inUse = new Map(); // hash of a refresh token → the answer to its request

let handleOIDC; // set when the port, and with it the issuer, is known
const server = withBackdoor({
  counts: () => ledger.counts(),
  tokens: () => ledger.tokens(),
  control,
}, async (req, res, path) => {
  if (faults.refuse(path, res)) {
    ledger.unavailable += 1;
    return;
  }
  if (req.method === 'POST' && path === '/token') {
    await oneAtATime(req, res);
    return;
  }
  handleOIDC(req, res);
});

// Two requests with one refresh token in the same instant would both find it
// unused in a store without transactions; a provider with a database lets one
// win and sees a reuse in the other. So they go through one after the other.
async function oneAtATime(req, res) {
  req.body = (await readBody(req)).toString();
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
    await new Promise((resolve) => {
      res.once('close', resolve);
      handleOIDC(req, res);
    });
  })();
  inUse.set(key, answered);
  await answered;
  if (inUse.get(key) === answered) inUse.delete(key);
}

const port = await listen(server, Number(flags.port));
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, await configuration());
ledger.watch(provider);

provider.use(async (ctx, next) => {
  ledger.request(ctx.method, ctx.path);
  await next();
  ledger.answer(ctx);
  const late = faults.strike('delay', ctx.path);
  if (late) await sleep(late.ms);
  if (faults.strike('lose', ctx.path)) {
    ledger.lost += 1;
    ctx.respond = false;
    ctx.res.destroy();
  }
});
handleOIDC = provider.callback(); // what is added to the provider later is not in it

endWithStdin(async () => {
  server.close();
  server.closeAllConnections();
});
ready({ issuer });

async function control(order) {
  if (faults.order(order)) return {};
  switch (order.do) {
    case 'ttl':
      accessTTL = Number(order.seconds);
      return { ttl: accessTTL };
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
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: `rig-${port}` };
  return {
    jwks: { keys: [jwk] },
    cookies: { keys: [crypto.randomBytes(24).toString('base64url')] },
    clockTolerance: 0,
    conformIdTokenClaims: false,
    scopes: ['openid', 'offline_access', 'email', 'profile', 'mcp:tools', 'mcp:admin'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
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
      registration: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // No default: a token request that forgets `resource` gets an opaque
        // token that no gate accepts, and the test sees it.
        getResourceServerInfo: async (ctx, resource) => ({
          scope: 'mcp:tools mcp:admin',
          audience: resource,
          accessTokenFormat: 'jwt',
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
