// What is particular about the authorization servers that people meet, as far
// as oidc-provider can be set up to behave so, or can be wrapped to
// (vendors.mjs). docs/providers.md says where each row is from.
//
//   issuer, metadata    its issuer, and the paths where its metadata is found
//   endpoints           where its endpoints are, when not below the issuer
//   noPKCE              its metadata lists no code_challenge_methods_supported
//   register            "anybody"; "nobody": there is no endpoint; "token": there is one, for administrators
//   secret              how the client that was registered by hand shows its secret
//   resource            "used"; "refused" (invalid_target); "ignored"; "audience": that parameter counts
//   opaque              access tokens are no JWTs
//   scopes              besides openid and offline_access; scope: what is granted to who asks for none
//   noConsent           it knows no prompt=consent
//   refreshIf           parameters of the authorization without which there is no refresh token; false: never
//   refreshScope        a refresh without scope is refused
//   rotates             a refresh token is good once; grace: for so many seconds more
//   endsTokens          a refresh ends the access tokens before it
//   oneGrant            a second sign-in of the same person and client ends the first
//   answers             "form" or "ok": how its token endpoint answers, errors with 200
//   grants              device flow and client credentials, too; introspection
export const customer = 'https://mcp.example.com/mcp';

const rfc8414 = '/.well-known/oauth-authorization-server';
const oidc = '/.well-known/openid-configuration';

const hosted = (issuer, more) => ({ issuer, metadata: [rfc8414], register: 'anybody', rotates: true, ...more });

export const vendors = {
  'Microsoft Entra ID': {
    issuer: 'https://login.microsoftonline.com/0000/v2.0',
    metadata: [`/0000/v2.0${oidc}`],
    endpoints: {
      authorization: 'https://login.microsoftonline.com/0000/oauth2/v2.0/authorize',
      token: 'https://login.microsoftonline.com/0000/oauth2/v2.0/token',
    },
    noPKCE: true, register: 'nobody', resource: 'refused', opaque: true, scopes: [`${customer}/.default`], noConsent: true, refreshScope: true, rotates: false,
  },
  Google: {
    issuer: 'https://accounts.google.com',
    metadata: [oidc],
    endpoints: { authorization: 'https://accounts.google.com/o/oauth2/v2/auth', token: 'https://oauth2.googleapis.com/token' },
    noPKCE: true, register: 'nobody', secret: 'client_secret_post', resource: 'refused', opaque: true,
    refreshIf: { access_type: 'offline', prompt: 'consent' }, rotates: false,
  },
  Auth0: {
    issuer: 'https://acme.eu.auth0.com/',
    metadata: [rfc8414, oidc],
    endpoints: { token: 'https://acme.eu.auth0.com/oauth/token', registration: 'https://acme.eu.auth0.com/oidc/register' },
    register: 'anybody', resource: 'audience', rotates: true,
  },
  'Amazon Cognito': {
    issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a',
    metadata: [`/eu-west-1_a${oidc}`],
    endpoints: {
      authorization: 'https://acme.auth.eu-west-1.amazoncognito.com/oauth2/authorize',
      token: 'https://acme.auth.eu-west-1.amazoncognito.com/oauth2/token',
    },
    noPKCE: true, register: 'nobody', rotates: false,
  },
  Okta: {
    issuer: 'https://acme.okta.com/oauth2/default',
    metadata: [`${rfc8414}/oauth2/default`, `/oauth2/default${oidc}`],
    endpoints: { registration: 'https://acme.okta.com/oauth2/v1/clients' },
    register: 'token', rotates: true,
  },
  GitHub: {
    issuer: 'https://github.com/login/oauth',
    metadata: [],
    endpoints: { authorization: 'https://github.com/login/oauth/authorize', token: 'https://github.com/login/oauth/access_token' },
    register: 'nobody', secret: 'client_secret_post', resource: 'refused', opaque: true, refreshIf: false, answers: 'form', scopes: ['public', 'repo'], scope: 'public repo',
  },
  Slack: {
    issuer: 'https://slack.com',
    metadata: [oidc],
    endpoints: { authorization: 'https://slack.com/openid/connect/authorize', token: 'https://slack.com/api/openid.connect.token' },
    noPKCE: true, register: 'nobody', secret: 'client_secret_post', resource: 'refused', opaque: true, rotates: true, answers: 'ok',
  },
  Keycloak: {
    issuer: 'https://sso.example.com/realms/acme',
    metadata: [`/realms/acme${oidc}`],
    endpoints: {
      authorization: 'https://sso.example.com/realms/acme/protocol/openid-connect/auth',
      token: 'https://sso.example.com/realms/acme/protocol/openid-connect/token',
      registration: 'https://sso.example.com/realms/acme/clients-registrations/openid-connect',
    },
    register: 'anybody', resource: 'ignored', rotates: false,
  },
  Atlassian: hosted('https://cf.mcp.atlassian.com', { grace: 600 }),
  Notion: hosted('https://mcp.notion.com', { opaque: true, endsTokens: true }),
  Linear: hosted('https://mcp.linear.app', { grace: 1800 }),
  Sentry: hosted('https://mcp.sentry.dev', { opaque: true }),
  Cloudflare: hosted('https://bindings.mcp.cloudflare.com', { opaque: true, oneGrant: true }),
};

// One that keeps to the specifications, for the grants that the others have not.
export const plain = {
  Plain: { issuer: 'https://auth.example.com', metadata: [rfc8414, oidc], register: 'anybody', rotates: true, grants: true },
};
