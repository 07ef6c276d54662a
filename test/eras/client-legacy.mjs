// A client of MCP 2025-11-25: TypeScript SDK 1. usage: COMMAND [ARGS...]
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

import { play } from './what.mjs';

const client = new Client({ name: 'legacy', version: '1' }, { capabilities: { sampling: {}, elicitation: {} } });
client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { name: 'Ada' } }));
client.setRequestHandler(CreateMessageRequestSchema, async () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'something' } }));
const heard = {};
client.fallbackNotificationHandler = async (n) => { heard[n.method] = JSON.stringify(n.params ?? {}); };

const [command, ...args] = process.argv.slice(2);
await client.connect(new StdioClientTransport({ command, args, stderr: 'inherit' }));
await play({
  heard,
  list: () => client.listTools(),
  call: (name, arguments_, options) => client.callTool({ name, arguments: arguments_ }, undefined, options),
  read: (uri) => client.readResource({ uri }),
  subscribe: (uri) => client.subscribeResource({ uri }),
});
await client.close();
