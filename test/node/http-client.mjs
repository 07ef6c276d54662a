// The official TypeScript SDK's client over HTTP: Streamable HTTP, or HTTP+SSE
// of 2024-11-05 when the address ends in /sse. Lists the tools, calls echo,
// and says what it got in one JSON line.
//
//   node http-client.mjs URL HEADER…       HEADER is NAME=VALUE
import process from 'node:process';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [address, ...pairs] = process.argv.slice(2);
const headers = Object.fromEntries(pairs.map((p) => [p.slice(0, p.indexOf('=')), p.slice(p.indexOf('=') + 1)]));
const Transport = address.endsWith('/sse') ? SSEClientTransport : StreamableHTTPClientTransport;
const client = new Client({ name: 'http-client', version: '1.0.0' });
const out = { tools: [], text: '', progress: 0, error: '' };
try {
  await client.connect(new Transport(new URL(address), { requestInit: { headers } }));
  out.tools = (await client.listTools()).tools.map((t) => t.name);
  const echo = await client.callTool({ name: 'echo', arguments: { message: 'over http' } });
  out.text = echo.content[0].text;
  await client.callTool({ name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 3 } }, undefined, {
    onprogress: () => { out.progress += 1; },
  });
  await client.close();
} catch (err) {
  out.error = String(err);
}
process.stdout.write(`${JSON.stringify(out)}\n`);
process.exit(0);
