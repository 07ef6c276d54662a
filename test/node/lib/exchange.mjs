// Token exchange (RFC 8693) for oidc-provider, by its own means for grants of
// one's own: a client that may do so gets, for an access token that this provider
// issued to somebody, another one of theirs for the resource that it names.
import { createLocalJWKSet, jwtVerify } from 'jose';

export const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';

export function offerExchange(provider, { issuer, jwks, server }) {
  const keys = createLocalJWKSet({ keys: jwks.keys.map(({ kty, n, e, kid, alg }) => ({ kty, n, e, kid, alg, use: 'sig' })) });
  const refuse = (ctx, status, error, error_description) => {
    ctx.status = status;
    ctx.body = { error, error_description };
  };
  const params = ['resource', 'audience', 'scope', 'subject_token', 'subject_token_type', 'requested_token_type'];
  provider.registerGrantType(grantType, async (ctx) => {
    const asked = ctx.oidc.params;
    if (asked.subject_token_type !== accessToken || (asked.requested_token_type ?? accessToken) !== accessToken) {
      refuse(ctx, 400, 'invalid_request', 'only access tokens are exchanged');
      return;
    }
    if (!asked.resource) {
      refuse(ctx, 400, 'invalid_target', 'resource is missing');
      return;
    }
    let claims;
    try {
      ({ payload: claims } = await jwtVerify(asked.subject_token, keys, { issuer, typ: 'at+jwt', algorithms: ['RS256'] }));
    } catch (error) {
      refuse(ctx, 400, 'invalid_grant', `the subject token is not valid (${error.code})`);
      return;
    }
    const token = new provider.AccessToken({
      accountId: claims.sub, client: ctx.oidc.client, gty: 'token_exchange', scope: asked.scope ?? claims.scope,
    });
    token.resourceServer = new provider.ResourceServer(asked.resource, await server(ctx, asked.resource));
    ctx.oidc.entity('AccessToken', token);
    ctx.body = {
      access_token: await token.save(), issued_token_type: accessToken, token_type: 'Bearer', expires_in: token.expiration,
    };
  }, params);
}
