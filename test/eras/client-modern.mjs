// A client of MCP 2026-07-28 that knows nothing older: TypeScript SDK 2.
// usage: COMMAND [ARGS...]
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

import { play } from './what.mjs';

const client = new Client(
  { name: 'modern', version: '1' },
  { capabilities: { sampling: {}, elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
);
client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'Ada' } }));
client.setRequestHandler('sampling/createMessage', async () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'something' } }));
const heard = {};
for (const method of ['notifications/tools/list_changed', 'notifications/resources/updated']) {
  client.setNotificationHandler(method, async (n) => {
    const { _meta, ...params } = n.params ?? {}; // the id of the subscription is in it
    heard[method] = JSON.stringify(params);
  });
}

const [command, ...args] = process.argv.slice(2);
await client.connect(new StdioClientTransport({ command, args, stderr: 'inherit' }));
await play({
  heard,
  list: () => client.listTools(),
  call: (name, arguments_, options) => client.callTool({ name, arguments: arguments_ }, options),
  read: (uri) => client.readResource({ uri }),
  subscribe: (uri) => client.listen({ toolsListChanged: true, resourceSubscriptions: [uri] }),
});
await client.close();
