// The real @modelcontextprotocol/server-everything as a child process.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

const preload = new URL('./everything.mjs', import.meta.url).href;

/** startEverything starts it on a free port, over one of its transports: {port, stop}. */
export async function startEverything(transport = 'streamableHttp') {
  const require = createRequire(import.meta.url);
  const main = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');
  const child = fork(main, [transport], {
    cwd: path.dirname(main),
    env: { ...process.env, PORT: '0' },
    execArgv: ['--import', preload],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit');
  const said = await Promise.race([
    once(child, 'message', { signal: AbortSignal.timeout(120_000) }).then(([m]) => m),
    gone.then(([code]) => { throw new Error(`server-everything ended with ${code}`); }),
  ]);
  return {
    port: said.port,
    async stop() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
