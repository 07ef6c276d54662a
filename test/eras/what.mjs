// What both servers have and both clients do, so that the four pairs of them
// can be compared.
import { patient } from '../node/lib/patient.mjs';

export const uri = 'test://thing';
export const state = 'step "1"\\é 😀'; // comes back as it went, or the call fails
export const question = {
  message: 'Who are you?',
  requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
};
export const prompt = { messages: [{ role: 'user', content: { type: 'text', text: 'Say something.' } }], maxTokens: 10 };
const none = { type: 'object', properties: {} };
export const tools = {
  echo: { description: 'gives the text back', inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] } },
  ask: { description: 'asks the person', inputSchema: none },
  sample: { description: 'asks the model', inputSchema: none },
  count: { description: 'reports progress, each step when the one before has come', inputSchema: none },
  counted: { description: 'says so', inputSchema: none },
  wait: { description: 'never ends by itself', inputSchema: none },
  waiting: { description: 'how many waits have begun', inputSchema: none },
  cancelled: { description: 'how many waits were cancelled', inputSchema: none },
  change: { description: 'says that tools and a resource have changed', inputSchema: none },
};
export const text = (s) => ({ content: [{ type: 'text', text: String(s) }] });

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// until waits for something that another process does.
export async function until(done, what) {
  for (let i = 0; i < 600; i += 1) {
    const value = await done();
    if (value) return value;
    await sleep(100);
  }
  throw new Error(`in vain: ${what}`);
}

// play does everything once and prints what came of it. call(name, arguments,
// options) calls a tool; heard are the methods of notifications.
export async function play({ list, call, read, subscribe, heard }) {
  const seen = {};
  const said = (result) => result.content[0].text;
  seen.tools = (await patient(list)).tools.map((t) => t.name).sort().join();
  seen.echo = said(await call('echo', { text: 'a\u2028b 😀' }));
  seen.read = (await read(uri)).contents[0].text;
  seen.ask = said(await call('ask', {}));
  seen.sample = said(await call('sample', {}));
  // Clients drop progress that they read together with the answer, and some mix up
  // what they read together: each step is asked for.
  const steps = [];
  const counting = call('count', {}, { onprogress: (p) => steps.push(p.progress) });
  for (let i = 1; i <= 3; i += 1) {
    await until(async () => steps.length === i, 'the progress');
    await call('counted', {});
  }
  seen.count = said(await counting);
  seen.progress = steps.join();
  const before = said(await call('waiting', {})); // those of the run before this one
  const stop = new AbortController();
  const waiting = call('wait', {}, { signal: stop.signal }).then(() => 'answered', () => 'given up');
  await until(async () => said(await call('waiting', {})) !== before, 'the server gets the call');
  stop.abort();
  seen.wait = await waiting;
  seen.cancelled = await until(async () => { const n = said(await call('cancelled', {})); return n !== '0' && n; }, 'the server hears of the cancellation');
  await subscribe(uri);
  // A subscription is in force a moment after it was asked for, and what changes
  // before that is told to nobody: there is a change each second until one is.
  let looks = 0;
  for (const method of ['notifications/tools/list_changed', 'notifications/resources/updated']) {
    seen[method] = await until(async () => {
      if (looks % 10 === 0) seen.change = said(await call('change', {}));
      looks += 1;
      return heard[method];
    }, method);
  }
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

// serve listens on a free port, prints its URL and ends with its input.
export function serve(server) {
  server.keepAliveTimeout = 60_000; // after Node's own 5 s, a connection ends just when a call comes, on a busy machine
  server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}/mcp\n`));
  process.stdin.on('end', () => process.exit(0)).resume();
}
