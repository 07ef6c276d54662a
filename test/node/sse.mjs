// The real server-everything over HTTP+SSE (MCP 2024-11-05), without a gate.
// Prints {"url":"http://127.0.0.1:PORT/sse"} when ready and ends with its stdin.
import { endWithStdin, ready } from './lib/part.mjs';
import { startEverything } from './lib/upstream.mjs';

const server = await startEverything('sse');
endWithStdin(() => server.stop());
ready({ url: `http://127.0.0.1:${server.port}/sse` });
