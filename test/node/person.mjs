// Plays a person who signs in:
//
//   node person.mjs [--mode allow|deny|leave] [--login NAME] [--timeout MS] URL
//
// Prints {"mode","finalURL","title","text","screens","ms"} and ends with 0,
// or {"error"} and 1. Env: DRAWBRIDGE_TEST_PERSON (mode), DRAWBRIDGE_TEST_LOGIN,
// DRAWBRIDGE_TEST_CHROMIUM, DRAWBRIDGE_TEST_THROUGH (origins that the way leads
// through, separated by spaces).
import process from 'node:process';
import { parseArgs } from 'node:util';

import { PATIENCE, play } from './lib/person.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mode: { type: 'string', default: process.env.DRAWBRIDGE_TEST_PERSON || 'allow' },
    login: { type: 'string', default: process.env.DRAWBRIDGE_TEST_LOGIN || 'ada' },
    timeout: { type: 'string', default: String(PATIENCE) },
  },
});
if (positionals.length !== 1) {
  console.error('usage: person.mjs [--mode allow|deny|leave] [--login NAME] URL');
  process.exit(2);
}

const begun = Date.now();
const say = (what) => process.stdout.write(`${JSON.stringify({ ...what, ms: Date.now() - begun })}\n`);
try {
  say(await play(positionals[0], {
    ...flags, timeout: Number(flags.timeout), through: (process.env.DRAWBRIDGE_TEST_THROUGH ?? '').split(' ').filter(Boolean),
  }));
} catch (error) {
  say({ mode: flags.mode, url: positionals[0], error: String(error.message).split('\n')[0] });
  process.exitCode = 1;
}
