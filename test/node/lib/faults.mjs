// Faults that a test orders through /__control, to see what the program under
// test does about them. An order names what to do, the paths it is about
// (all when there are none), for how many seconds (for good when 0) and which
// requests it strikes: all of them, each `every`-th, or `percent` of them by
// dice, which fall the same way for the same seed.
//
//   {"do":"unavailable","paths":["/token"],"seconds":10,"status":503,"retryAfter":2}
//   {"do":"delay","paths":["/token"],"ms":2000,"every":3}     answers late
//   {"do":"lose","paths":["/token"],"times":1}                does the work, loses the answer
//   {"do":"drop","paths":["/token"],"percent":5}              loses the request, does nothing
//   {"do":"clear"}

const KINDS = new Set(['unavailable', 'delay', 'lose', 'drop']);

export class Faults {
  #rules = [];
  #dice;

  constructor(seed = 1) {
    this.#dice = dice(seed);
  }

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
      percent: o.percent ?? 100,
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
      if (rule.percent < 100 && this.#dice() * 100 >= rule.percent) continue;
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

// dice is mulberry32: numbers from 0 to 1, the same ones for the same seed.
function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
