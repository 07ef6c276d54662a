// What an MCP server that wants proofs of possession checks (RFC 9449 §4.3, §7.1,
// §9): each request's proof is for its method, address and token, was made a moment
// ago with the server's nonce, comes once, and is by the key that the token names.
import crypto from 'node:crypto';

import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';

const RECENT = 60; // seconds

export class Proofs {
  #nonces = [crypto.randomUUID()]; // newest first; one is good
  #seen = new Set(); // jti
  #keys = new Set(); // thumbprints
  asked = 0; // requests that were sent back for a nonce

  get nonce() {
    return this.#nonces[0];
  }

  /** renew makes a nonce; none from before is good any more. */
  renew() {
    this.#nonces = [crypto.randomUUID()];
  }

  counts() {
    return { keys: this.#keys.size, proofs: this.#seen.size, asked: this.asked };
  }

  /** check returns what is wrong with the proof of a request with a token, or undefined. */
  async check(req, address, token, claims) {
    const proof = req.headers.dpop;
    if (!proof) return { error: 'invalid_dpop_proof', description: 'There is no proof' };
    let payload, key;
    try {
      const verified = await jwtVerify(proof, EmbeddedJWK, { algorithms: ['ES256'], typ: 'dpop+jwt' });
      payload = verified.payload;
      key = await calculateJwkThumbprint(verified.protectedHeader.jwk);
      if ('d' in verified.protectedHeader.jwk) throw new Error('the private key is in the proof');
    } catch (error) {
      return { error: 'invalid_dpop_proof', description: `No proof can be made out (${error.code ?? error.message})` };
    }
    if (payload.nonce !== this.nonce) {
      this.asked += 1;
      return { error: 'use_dpop_nonce', description: 'The nonce is missing or old' };
    }
    const wrong = Object.entries({
      htm: payload.htm === req.method,
      htu: payload.htu === address,
      iat: Math.abs(Date.now() / 1000 - payload.iat) <= RECENT,
      jti: typeof payload.jti === 'string' && payload.jti.length >= 16 && !this.#seen.has(payload.jti),
      ath: payload.ath === crypto.hash('sha256', token, 'base64url'),
      'cnf.jkt': claims.cnf?.jkt === key,
    }).filter(([, right]) => !right).map(([name]) => name);
    if (wrong.length > 0) return { error: 'invalid_dpop_proof', description: `Wrong in the proof: ${wrong.join(' ')}` };
    this.#seen.add(payload.jti);
    this.#keys.add(key);
    return undefined;
  }
}
