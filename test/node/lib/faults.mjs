// Faults that a test orders through /__control, to see what the program under
// test does about them. An order names what to do, the paths it is about
// (all when there are none), for how many seconds (for good when 0) and which
// requests it strikes: all of them, or each `every`-th.
//
//   {"do":"unavailable","paths":["/token"],"seconds":10,"status":503,"retryAfter":2}
//   {"do":"delay","paths":["/token"],"ms":2000,"every":3}     answers late
//   {"do":"lose","paths":["/token"],"times":1}                does the work, loses the answer
//   {"do":"clear"}

const KINDS = new Set(['unavailable', 'delay', 'lose']);

export class Faults {
  #rules = [];

  /** order takes an order; false when it is not one of this class. */
  order(o) {
    if (o.do === 'clear') {
      this.#rules = [];
      return true;
    }
    if (!KINDS.has(o.do)) return false;
    this.#rules.push({
      kind: o.do,
      paths: o.paths ?? [],
      until: o.seconds ? Date.now() + o.seconds * 1000 : Infinity,
      every: o.every ?? 1,
      left: o.times ?? Infinity,
      status: o.status ?? 503,
      retryAfter: o.retryAfter,
      ms: o.ms ?? 1000,
      seen: 0,
      struck: 0,
    });
    return true;
  }

  /** strike returns the rule of this kind that this request meets, if any. */
  strike(kind, path) {
    const now = Date.now();
    this.#rules = this.#rules.filter((r) => r.until > now && r.left > 0);
    for (const rule of this.#rules) {
      if (rule.kind !== kind) continue;
      if (rule.paths.length && !rule.paths.includes(path)) continue;
      rule.seen += 1;
      if (rule.seen % rule.every !== 0) continue;
      rule.left -= 1;
      rule.struck += 1;
      return rule;
    }
    return undefined;
  }

  /** refuse answers the request with the ordered status; true when it did. */
  refuse(path, res) {
    const rule = this.strike('unavailable', path);
    if (!rule) return false;
    const headers = { 'content-type': 'text/plain' };
    if (rule.retryAfter !== undefined) headers['retry-after'] = String(rule.retryAfter);
    res.writeHead(rule.status, headers);
    res.end('This part of the rig was told to be unavailable.\n');
    return true;
  }
}
