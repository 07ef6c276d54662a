// What every part of the rig has in common: it prints one JSON line when it
// is ready, it answers /__counts, /__tokens and /__control beside its real
// work, and it ends when its standard input ends, so that a test that dies
// leaves nothing behind.
import http from 'node:http';
import process from 'node:process';

/** ready prints the one line that says where the part listens. */
export function ready(facts) {
  process.stdout.write(`${JSON.stringify(facts)}\n`);
}

/** endWithStdin calls cleanup and ends the process when standard input ends. */
export function endWithStdin(cleanup) {
  let ending = false;
  const end = async () => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(1), 3000).unref();
    await cleanup();
    process.exit(0);
  };
  process.stdin.on('end', end);
  process.stdin.on('close', end);
  process.stdin.on('error', end);
  process.stdin.resume();
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

/** listen binds a server to a loopback port and returns the port. */
export function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Node ends a connection that was idle for 5 s. On a machine that stalls for as
    // long a call meets that end, and one that may have run is not run again.
    server.keepAliveTimeout = 60_000;
    server.listen(port, '127.0.0.1', () => resolve(server.address().port));
  });
}

/** readBody reads a request's body whole; more than limit bytes is an error. */
export async function readBody(req, limit = 1 << 20) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > limit) throw new Error(`body over ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function sendJSON(res, status, body, headers = {}) {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  res.end(JSON.stringify(body));
}

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/**
 * withBackdoor makes an HTTP server that answers the rig's own paths and
 * hands every other request to handle.
 * `counts` and `tokens` return what is to be shown; `control` performs one
 * order and returns what it did.
 */
export function withBackdoor({ counts, tokens, control }, handle) {
  return http.createServer(async (req, res) => {
    try {
      const path = new URL(req.url, 'http://part').pathname;
      switch (path) {
        case '/__counts':
          sendJSON(res, 200, counts());
          return;
        case '/__tokens':
          sendJSON(res, 200, tokens());
          return;
        case '/__control': {
          if (req.method !== 'POST') {
            sendJSON(res, 405, { error: 'POST an order' });
            return;
          }
          const order = JSON.parse((await readBody(req)).toString() || '{}');
          sendJSON(res, 200, (await control(order)) ?? {});
          return;
        }
        default:
          await handle(req, res, path);
      }
    } catch (error) {
      console.error(error);
      if (res.headersSent) res.destroy();
      else sendJSON(res, 500, { error: String(error.message) });
    }
  });
}
