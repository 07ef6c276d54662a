// What happened at the identity provider, counted there and not inside the
// program under test, and every secret string that it gave out or was shown,
// so that a test can look for them where they must not be.

import { Refreshes } from './refreshes.mjs';

const KEPT_ERRORS = 100;

export class Ledger {
  unavailable = 0; // requests answered with an ordered 503
  lost = 0; // answers that were thrown away by order
  dropped = 0; // requests that were thrown away by order
  late = 0; // answers that were held back by order
  graced = 0; // used refresh tokens that were good once more
  refreshLog = new Refreshes();
  #authorizations = 0;
  #signIns = 0;
  #refusals = 0;
  #registrations = 0;
  #tokenRequests = {};
  #tokensIssued = {};
  #withoutResource = 0;
  #withoutPKCE = 0;
  #reuses = 0;
  #grantsRevoked = 0;
  #grantsRevokedByOrder = 0;
  #revocations = 0;
  #errors = [];
  #grants = new Set();
  #secrets = new Map(); // string → kind

  /** watch subscribes to what the provider says about itself. */
  watch(provider) {
    provider.on('registration_create.success', () => { this.#registrations += 1; });
    provider.on('authorization.success', () => { this.#signIns += 1; });
    provider.on('authorization.error', (ctx, error) => {
      this.#refusals += 1;
      this.#error('authorization', error);
    });
    provider.on('grant.success', (ctx) => {
      const kind = ctx.oidc.params.grant_type;
      this.#tokensIssued[kind] = (this.#tokensIssued[kind] ?? 0) + 1;
      const { Grant: grant } = ctx.oidc.entities;
      if (grant?.jti) this.#grants.add(grant.jti);
    });
    provider.on('grant.error', (ctx, error) => {
      if (error.error_detail === 'refresh token already used') this.#reuses += 1;
      this.#error('token', error);
    });
    provider.on('grant.revoked', (ctx, id) => {
      this.#grantsRevoked += 1;
      this.#grants.delete(id);
    });
    for (const event of ['registration_create.error', 'revocation.error', 'userinfo.error', 'server_error']) {
      provider.on(event, (ctx, error) => this.#error(event.split('.')[0], error));
    }
  }

  /** request counts a request by what it asks for. */
  request(method, path) {
    if (method === 'GET' && path === '/auth') this.#authorizations += 1;
    if (method === 'POST' && path === '/token/revocation') this.#revocations += 1;
  }

  /** tokenRequest counts a token request and keeps the secrets it carries. */
  tokenRequest(params) {
    const kind = params.get('grant_type') ?? '(none)';
    this.#tokenRequests[kind] = (this.#tokenRequests[kind] ?? 0) + 1;
    if (!params.get('resource')) this.#withoutResource += 1;
    if (kind === 'authorization_code' && !params.get('code_verifier')) this.#withoutPKCE += 1;
    for (const name of ['refresh_token', 'code', 'code_verifier', 'client_secret']) {
      this.#secret(name, params.get(name));
    }
  }

  /** answer keeps the secrets of an answer. */
  answer(ctx) {
    const body = ctx.body;
    if (!body || typeof body !== 'object') return;
    if (ctx.path === '/token') {
      for (const name of ['access_token', 'refresh_token', 'id_token']) this.#secret(name, body[name]);
    }
    if (ctx.path === '/reg') {
      for (const name of ['client_secret', 'registration_access_token']) this.#secret(name, body[name]);
    }
  }

  takeGrants() {
    const grants = [...this.#grants];
    this.#grants.clear();
    this.#grantsRevokedByOrder += grants.length;
    return grants;
  }

  counts() {
    return {
      authorizations: this.#authorizations,
      signIns: this.#signIns,
      refusals: this.#refusals,
      registrations: this.#registrations,
      tokenRequests: this.#tokenRequests,
      tokensIssued: this.#tokensIssued,
      refreshes: this.#tokensIssued.refresh_token ?? 0,
      withoutResource: this.#withoutResource,
      withoutPKCE: this.#withoutPKCE,
      reuses: this.#reuses,
      grantsRevoked: this.#grantsRevoked,
      grantsRevokedByOrder: this.#grantsRevokedByOrder,
      liveGrants: this.#grants.size,
      revocations: this.#revocations,
      unavailable: this.unavailable,
      lost: this.lost,
      dropped: this.dropped,
      late: this.late,
      graced: this.graced,
      refreshLog: this.refreshLog.all(),
      errors: this.#errors,
    };
  }

  tokens() {
    return [...this.#secrets].map(([value, kind]) => ({ kind, value }));
  }

  #secret(kind, value) {
    if (typeof value === 'string' && value.length >= 16) this.#secrets.set(value, kind);
  }

  #error(where, error) {
    this.#errors.push({
      at: new Date().toISOString(),
      where,
      error: error.error ?? error.name,
      description: error.error_description ?? error.message,
      detail: error.error_detail,
    });
    if (this.#errors.length > KEPT_ERRORS) this.#errors.shift();
  }
}
