// The TypeScript SDK's client as it was in January 2025 (1.1.1), which knew no later transport, over the
// HTTP+SSE of MCP 2024-11-05. Says what http-client.mjs says.
//
//   node sdk-2024.mjs URL HEADER…       HEADER is NAME=VALUE
import process from 'node:process';

import { EventSource } from 'eventsource';
import { Client } from 'sdk-2024/client/index.js';
import { SSEClientTransport } from 'sdk-2024/client/sse.js';
import { CallToolResultSchema, ListToolsResultSchema } from 'sdk-2024/types.js';

const [address, ...pairs] = process.argv.slice(2);
const headers = Object.fromEntries(pairs.map((p) => [p.slice(0, p.indexOf('=')), p.slice(p.indexOf('=') + 1)]));
globalThis.EventSource = EventSource; // which that SDK leaves to the program
const withHeaders = (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers } });
const client = new Client({ name: 'sdk-2024', version: '1.0.0' }, { capabilities: {} });
const out = { tools: [], text: '', progress: 0, error: '' };
try {
  await client.connect(new SSEClientTransport(new URL(address), { eventSourceInit: { fetch: withHeaders }, requestInit: { headers } }));
  out.tools = (await client.request({ method: 'tools/list' }, ListToolsResultSchema)).tools.map((t) => t.name);
  const echo = await client.request({ method: 'tools/call', params: { name: 'echo', arguments: { message: 'over http' } } }, CallToolResultSchema);
  out.text = echo.content[0].text;
  await client.request(
    { method: 'tools/call', params: { name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 3 } } },
    CallToolResultSchema,
    { onprogress: () => { out.progress += 1; } },
  );
  await client.close();
} catch (err) {
  out.error = String(err);
}
process.stdout.write(`${JSON.stringify(out)}\n`);
process.exit(0);
