// A server of MCP 2025-11-25 with sessions: TypeScript SDK 1.
import { randomUUID } from 'node:crypto';
import http from 'node:http';

import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as types from '@modelcontextprotocol/sdk/types.js';

import { prompt, question, serve, text, tools, uri } from './what.mjs';

let cancelled = 0;
let waiting = 0;
let counted = () => {};

function make() {
  const server = new Server(
    { name: 'legacy', version: '1' },
    { capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } } },
  );
  const followed = new Set();
  const acts = {
    echo: (args) => text(args.text),
    ask: async (_, extra) => {
      const answer = await extra.sendRequest({ method: 'elicitation/create', params: question }, types.ElicitResultSchema);
      return text(`hello ${answer.content.name}`);
    },
    sample: async (_, extra) => {
      const answer = await extra.sendRequest({ method: 'sampling/createMessage', params: prompt }, types.CreateMessageResultSchema);
      return text(answer.content.text);
    },
    count: async (_, extra) => {
      for (let i = 1; i <= 3; i += 1) {
        const come = new Promise((resolve) => { counted = resolve; });
        await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: extra._meta.progressToken, progress: i, total: 3 } });
        await come;
      }
      return text('counted');
    },
    counted: () => { counted(); return text('noted'); },
    waiting: () => text(waiting),
    wait: (_, extra) => new Promise((resolve) => {
      waiting += 1;
      extra.signal.addEventListener('abort', () => { cancelled += 1; resolve(text('cancelled')); });
    }),
    cancelled: () => text(cancelled),
    change: async () => {
      await server.sendToolListChanged();
      if (followed.has(uri)) await server.sendResourceUpdated({ uri });
      return text('changed');
    },
  };
  server.setRequestHandler(types.ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, tool]) => ({ name, ...tool })),
  }));
  server.setRequestHandler(types.CallToolRequestSchema, (request, extra) => acts[request.params.name](request.params.arguments, extra));
  server.setRequestHandler(types.ListResourcesRequestSchema, () => ({ resources: [{ uri, name: 'thing' }] }));
  server.setRequestHandler(types.ReadResourceRequestSchema, () => ({ contents: [{ uri, text: 'a thing' }] }));
  server.setRequestHandler(types.SubscribeRequestSchema, (request) => { followed.add(request.params.uri); return {}; });
  server.setRequestHandler(types.UnsubscribeRequestSchema, (request) => { followed.delete(request.params.uri); return {}; });
  return server;
}

const sessions = new Map();

serve(http.createServer(async (req, res) => {
  let transport = sessions.get(req.headers['mcp-session-id']);
  if (!transport) {
    if (req.headers['mcp-session-id']) {
      res.writeHead(404).end();
      return;
    }
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => sessions.set(id, transport),
    });
    await make().connect(transport);
  }
  await transport.handleRequest(req, res);
}));
