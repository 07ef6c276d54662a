// A server of MCP 2026-07-28 that knows nothing older: TypeScript SDK 2.
import http from 'node:http';
import { Readable } from 'node:stream';

import { acceptedContent, createMcpHandler, fromJsonSchema, inputRequired, McpServer } from '@modelcontextprotocol/server';

import { prompt, question, serve, state, text, tools, uri } from './what.mjs';

let cancelled = 0;
let waiting = 0;
let counted = () => {};
const given = (ctx) => (typeof ctx.mcpReq.requestState === 'function' ? ctx.mcpReq.requestState() : ctx.mcpReq.requestState);

const acts = {
  echo: (args) => text(args.text),
  ask: (_, ctx) => {
    const answer = acceptedContent(ctx.mcpReq.inputResponses, 'who');
    if (!answer) return inputRequired({ inputRequests: { who: inputRequired.elicit(question) }, requestState: state });
    if (given(ctx) !== state) throw new Error(`the state came back as ${JSON.stringify(given(ctx))}`);
    return text(`hello ${answer.name}`);
  },
  sample: (_, ctx) => {
    const answer = ctx.mcpReq.inputResponses?.model;
    if (!answer) return inputRequired({ inputRequests: { model: inputRequired.createMessage(prompt) } });
    return text(answer.content.text);
  },
  count: async (_, ctx) => {
    for (let i = 1; i <= 3; i += 1) {
      const come = new Promise((resolve) => { counted = resolve; });
      await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: ctx.mcpReq._meta.progressToken, progress: i, total: 3 } });
      await come;
    }
    return text('counted');
  },
  counted: () => { counted(); return text('noted'); },
  waiting: () => text(waiting),
  wait: (_, ctx) => new Promise((resolve) => {
    waiting += 1;
    ctx.mcpReq.signal.addEventListener('abort', () => { cancelled += 1; resolve(text('cancelled')); });
  }),
  cancelled: () => text(cancelled),
  change: () => {
    handler.notify.toolsChanged();
    handler.notify.resourceUpdated(uri);
    return text('changed');
  },
};

function make() {
  const server = new McpServer(
    { name: 'modern', version: '1' },
    { capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } } },
  );
  for (const [name, { description, inputSchema }] of Object.entries(tools)) {
    server.registerTool(name, { description, inputSchema: fromJsonSchema(inputSchema) }, acts[name]);
  }
  server.registerResource('thing', uri, {}, async () => ({ contents: [{ uri, text: 'a thing' }] }));
  return server;
}

const handler = createMcpHandler(make, { legacy: 'reject', onerror: (error) => console.error(error) });

serve(http.createServer(async (req, res) => {
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  const answer = await handler.fetch(new Request(`http://${req.headers.host}${req.url}`, {
    method: req.method, headers: req.headers, signal: gone.signal, duplex: 'half',
    body: req.method === 'POST' ? Readable.toWeb(req) : undefined,
  }));
  res.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (!answer.body) return res.end();
  const body = Readable.fromWeb(answer.body);
  body.on('error', () => res.destroy());
  res.on('close', () => body.destroy());
  return body.pipe(res);
}));
