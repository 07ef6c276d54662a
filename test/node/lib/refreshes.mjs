// Every refresh request that came to a token endpoint, in order, with what
// became of it. A test that kills processes can tell from it which of them had
// a rotation under way, and whether a refresh token was spent twice.
import crypto from 'node:crypto';

export class Refreshes {
  #all = [];

  /** begin notes a request; port is its sender's, which tells whose it is. */
  begin(token, port) {
    const entry = { n: this.#all.length + 1, token: digest(token), port, at: Date.now() };
    this.#all.push(entry);
    return new Refresh(entry);
  }

  all() {
    return this.#all;
  }
}

class Refresh {
  #entry;

  constructor(entry) {
    this.#entry = entry;
  }

  /** answered notes what the provider decided: the new pair, or an error. */
  answered(body, status = 200) {
    if (body?.refresh_token || body?.access_token) {
      this.#entry.outcome = 'ok';
      this.#entry.issued = digest(body.refresh_token ?? '');
    } else {
      this.#entry.outcome = body?.error ?? `status ${status}`;
    }
    this.#entry.decided = Date.now();
  }

  /** spoiled notes a fault: dropped, unavailable, lost, late, graced. */
  spoiled(how) {
    this.#entry[how] = true;
  }

  /** over notes that the sender has the answer, or that its connection broke. */
  over(res) {
    this.#entry.over = Date.now();
    this.#entry.delivered = res.writableFinished;
  }
}

const digest = (token) => crypto.createHash('sha256').update(token).digest('hex').slice(0, 16);
