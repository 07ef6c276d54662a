// The real server-everything over Streamable HTTP, without a gate. Prints
// {"url":"http://127.0.0.1:PORT/mcp"} when ready and ends with its stdin.
import { endWithStdin, ready } from './lib/part.mjs';
import { startEverything } from './lib/upstream.mjs';

const server = await startEverything();
endWithStdin(() => server.stop());
ready({ url: `http://127.0.0.1:${server.port}/mcp` });
