// Loaded into server-everything before it starts (node --import): it binds to
// loopback only, tells its parent the port that it got, keeps idle connections (see
// listen in part.mjs), and ends when its parent is gone. The server itself is
// untouched.
import net from 'node:net';
import process from 'node:process';

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function listenOnLoopback(port, ...rest) {
  this.keepAliveTimeout = 60_000;
  this.once('listening', () => process.send?.({ port: this.address().port }));
  return listen.call(this, Number(port), '127.0.0.1', ...rest);
};
process.on('disconnect', () => process.exit(0));
