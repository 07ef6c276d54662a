// The official TypeScript SDK's client, as an MCP client would use it: it
// launches a command over stdio with the SDK's default environment (HOME,
// LOGNAME, PATH, SHELL, TERM, USER) and talks to it.
//
//   node sdk-client.mjs [--list] [--call NAME[=JSON]]… [--repeat NAME[=JSON]
//        --every MS --for SECONDS] [--env K=V]… [--timeout MS] [--linger MS] -- COMMAND [ARGS…]
//
// --env adds to the default environment, as an entry's "env" in a client's
// settings does. --linger stays connected after the last call.
//
// Prints one JSON line for each thing done: {"op":"connect","ok":true,"ms":…,
// "server":{…}}, {"op":"list","tools":[…]}, {"op":"call","name":…,"n":…,"ok":…,
// "ms":…,"text":…,"error":…}, {"op":"notification","method":…},
// {"op":"close","ms":…}. Ends with 0 when everything was answered without an
// error, 1 when not, 2 for a wrong command line.
import process from 'node:process';
import { parseArgs } from 'node:util';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

import { sleep } from './lib/part.mjs';
import { patient } from './lib/patient.mjs';

const { values: flags, positionals: command } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    call: { type: 'string', multiple: true, default: [] },
    repeat: { type: 'string' },
    every: { type: 'string', default: '1000' },
    for: { type: 'string', default: '10' },
    env: { type: 'string', multiple: true, default: [] },
    timeout: { type: 'string', default: '60000' },
    linger: { type: 'string', default: '0' },
  },
});
if (command.length === 0) {
  console.error('usage: sdk-client.mjs [flags] -- COMMAND [ARGS...]');
  process.exit(2);
}

const timeout = Number(flags.timeout);
let failed = false;
const begun = Date.now();
const say = (line) => {
  if (line.ok === false) failed = true;
  process.stdout.write(`${JSON.stringify({ ...line, at: Date.now() - begun })}\n`);
};

const client = new Client(
  { name: 'drawbridge-test', version: '0.0.0' },
  { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } },
);
client.setRequestHandler(CreateMessageRequestSchema, async () => ({
  role: 'assistant', model: 'test', content: { type: 'text', text: 'a sampled answer' },
}));
client.setRequestHandler(ElicitRequestSchema, async (request) => {
  say({ op: 'elicitation', message: request.params.message });
  return { action: 'decline' };
});
client.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [] }));
client.fallbackNotificationHandler = async (n) => say({ op: 'notification', method: n.method });

const transport = new StdioClientTransport({
  command: command[0],
  args: command.slice(1),
  env: Object.fromEntries(flags.env.map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  })),
  stderr: 'inherit',
});

// timed does one thing and says how it went.
async function timed(line, act) {
  const start = performance.now();
  const ms = () => Math.round((performance.now() - start) * 10) / 10;
  try {
    say({ ...line, ok: true, ...(await act()), ms: ms() });
    return true;
  } catch (error) {
    say({ ...line, ok: false, error: String(error.message), code: error.code, ms: ms() });
    return false;
  }
}

function call(spec, n) {
  const at = spec.indexOf('=');
  const name = at < 0 ? spec : spec.slice(0, at);
  const args = at < 0 ? {} : JSON.parse(spec.slice(at + 1));
  return timed({ op: 'call', name, n }, async () => {
    const result = await patient(() => client.callTool({ name, arguments: args }, undefined, { timeout }));
    const text = result.content.filter((c) => c.type === 'text').map((c) => c.text).join('\n');
    return { ok: !result.isError, text: text.slice(0, 2000) };
  });
}

const connected = await timed({ op: 'connect' }, async () => {
  await client.connect(transport, { timeout });
  return { server: client.getServerVersion(), capabilities: Object.keys(client.getServerCapabilities() ?? {}) };
});
if (connected) {
  if (flags.list) {
    await timed({ op: 'list' }, async () => {
      const { tools } = await patient(() => client.listTools(undefined, { timeout }));
      return { tools: tools.map((t) => t.name) };
    });
  }
  let n = 0;
  for (const spec of flags.call) {
    n += 1;
    await call(spec, n);
  }
  if (flags.repeat) {
    // At a fixed pace, whatever the answers take: a slow call delays no other.
    const every = Number(flags.every);
    const total = Math.round((Number(flags.for) * 1000) / every);
    const start = Date.now();
    const calls = [];
    for (let i = 0; i < total; i += 1) {
      await sleep(Math.max(0, start + i * every - Date.now()));
      calls.push(call(flags.repeat, i + 1));
    }
    await Promise.all(calls);
  }
  await sleep(Number(flags.linger));
}
await timed({ op: 'close' }, async () => {
  await client.close();
  return {};
});
process.exitCode = failed ? 1 : 0;
