// Prints a port of loopback that nobody listens on, below the range that systems
// hand out to others: it is still free a moment later.
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import process from 'node:process'

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function free(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

for (let i = 0; i < 100; i++) {
  const port = randomInt(20000, 32000)
  if (await free(port)) {
    console.log(port)
    process.exit(0)
  }
}
console.error('port.mjs: no port is free')
process.exit(1)
