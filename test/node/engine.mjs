// Another engine as the identity provider of the soak, behind a front that
// counts and spoils requests as provider.mjs does, whatever the engine is:
//
//   node engine.mjs --engine fosite|workers [--program PATH] [--ttl SECONDS] [--seed N]
//
// --program   the built test/engines/fosite
//
// Prints {"issuer":"http://127.0.0.1:PORT"} when ready, ends with its stdin.
// The gate asks /__introspect what a token is worth.
//
// An engine whose shortest token is longer than --ttl is helped: the front
// tells clients the shorter life and lets the token end with it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

import { Faults } from './lib/faults.mjs';
import { endWithStdin, listen, readBody, ready, sendJSON, sleep, withBackdoor } from './lib/part.mjs';
import { Refreshes } from './lib/refreshes.mjs';

const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string' },
    program: { type: 'string', default: '' },
    ttl: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
});

const faults = new Faults(Number(flags.seed));
const refreshes = new Refreshes();
const count = {
  authorizations: 0, signIns: 0, registrations: 0, refreshes: 0, reuses: 0, withoutResource: 0,
  unavailable: 0, lost: 0, dropped: 0, late: 0, tokenRequests: {}, errors: [],
};
const spent = new Set();
const ttl = Number(flags.ttl);
const ends = new Map(); // access token → when it ends, where the front decides that

let engine; // {fetch(path, init): Promise<Response>, stop(), order(order)}
const server = withBackdoor({
  counts: () => ({ ...count, refreshLog: refreshes.all() }),
  tokens: () => [],
  control: (order) => (faults.order(order) ? {} : engine.order(order)),
}, handle);
const port = await listen(server, 0);
const issuer = `http://127.0.0.1:${port}`;
engine = await start();
endWithStdin(async () => {
  server.close();
  server.closeAllConnections();
  await engine.stop();
});
ready({ issuer, seed: Number(flags.seed) });

async function start() {
  switch (flags.engine) {
    case 'fosite':
      return startProgram();
    case 'workers': {
      const { start: startWorkers } = await import('../engines/workers.mjs');
      return startWorkers({ issuer, ttl });
    }
    default:
      console.error(`--engine ${flags.engine}: not one of fosite, workers`);
      return process.exit(2);
  }
}

// startProgram runs an engine that is a program of its own.
async function startProgram() {
  const child = spawn(flags.program, ['--issuer', issuer, '--ttl', flags.ttl], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  const [line] = await once(readline.createInterface(child.stdout), 'line', { signal: AbortSignal.timeout(120_000) });
  const base = `http://127.0.0.1:${JSON.parse(line).port}`;
  return {
    fetch: (path, init) => fetch(base + path, init),
    order: (order) => { if (order.do !== 'resource') throw new Error(`unknown order ${order.do}`); },
    async stop() {
      child.stdin.end();
      await gone;
    },
  };
}

async function handle(req, res, path) {
  const { remotePort } = req.socket;
  const body = await readBody(req);
  if (path === '/__introspect') {
    const end = ends.get(new URLSearchParams(body.toString()).get('token'));
    if (end <= Date.now()) {
      sendJSON(res, 200, { active: false });
      return;
    }
  }
  const params = req.method === 'POST' && path === TOKEN ? new URLSearchParams(body.toString()) : undefined;
  const token = params?.get('refresh_token');
  const refresh = token && refreshes.begin(token, remotePort);
  if (refresh) res.once('close', () => refresh.over(res));
  if (faults.strike('drop', path)) {
    count.dropped += 1;
    refresh?.spoiled('dropped');
    req.socket.destroy();
    return;
  }
  if (faults.refuse(path, res)) {
    count.unavailable += 1;
    refresh?.spoiled('unavailable');
    return;
  }
  if (params) {
    const kind = params.get('grant_type') ?? '(none)';
    count.tokenRequests[kind] = (count.tokenRequests[kind] ?? 0) + 1;
    if (!params.get('resource')) count.withoutResource += 1;
    if (token && spent.has(token)) count.reuses += 1;
  }
  const answer = await engine.fetch(req.url, {
    method: req.method,
    headers: forward(req.headers),
    body: body.length ? body : undefined,
    redirect: 'manual',
  });
  let text = Buffer.from(await answer.arrayBuffer());
  if (req.method === 'GET' && path === '/authorize') count.authorizations += 1;
  if (req.method === 'POST' && path === '/register' && answer.status === 201) count.registrations += 1;
  if (params) {
    const said = parse(text);
    note(params, answer.status, said, refresh);
    if (said.expires_in > ttl) {
      ends.set(said.access_token, Date.now() + ttl * 1000);
      text = Buffer.from(JSON.stringify({ ...said, expires_in: ttl }));
    }
  }

  const late = faults.strike('delay', path);
  if (late) {
    count.late += 1;
    refresh?.spoiled('late');
    await sleep(late.ms);
  }
  if (faults.strike('lose', path)) {
    count.lost += 1;
    refresh?.spoiled('lost');
    res.destroy();
    return;
  }
  const headers = {};
  for (const name of ['content-type', 'location', 'cache-control', 'www-authenticate', 'retry-after']) {
    if (answer.headers.has(name)) headers[name] = answer.headers.get(name);
  }
  res.writeHead(answer.status, headers);
  res.end(text);
}

const TOKEN = '/token';

// note counts what the token endpoint decided.
function note(params, status, said, refresh) {
  refresh?.answered(said, status);
  if (status !== 200) {
    count.errors.push({ at: new Date().toISOString(), where: 'token', error: said.error, description: said.error_description });
  } else if (refresh) {
    count.refreshes += 1;
    spent.add(params.get('refresh_token'));
  } else {
    count.signIns += 1;
  }
}

function parse(text) {
  try {
    return JSON.parse(text.toString());
  } catch {
    return {};
  }
}

function forward(headers) {
  const out = {};
  for (const name of ['content-type', 'authorization', 'accept', 'cookie']) {
    if (headers[name]) out[name] = headers[name];
  }
  return out;
}
