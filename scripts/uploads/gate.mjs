// A TCP gate before a server, which cuts what passes through it at offsets of its user's choice.
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

/**
 * @param target the server's port, asked for at each connection: it changes with a restart
 * @param cuts bytes from the client, over all connections, after which the next cut comes; with how
 *   `reset`: both ends are gone at once; `half-open`: the client is, and the server hears nothing of it for a while
 */
export async function openGate(target, cuts) {
  const sockets = new Set();
  const pending = [...cuts].sort((one, other) => one.at - other.at);
  let passed = 0;
  let made = 0;

  const server = createServer((client) => {
    const upstream = connect(target(), '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    let isHalfOpen = false;
    client.on('data', (chunk) => {
      passed += chunk.length;
      const cut = pending[0];
      if (cut === undefined || passed < cut.at) {
        if (!upstream.write(chunk)) {
          client.pause();
          upstream.once('drain', () => client.resume());
        }
        return;
      }
      pending.shift();
      made++;
      // The server gets the bytes up to the cut and not one more.
      upstream.write(chunk.subarray(0, chunk.length - (passed - cut.at)));
      isHalfOpen = cut.how === 'half-open';
      client.resetAndDestroy();
      if (isHalfOpen) setTimeout(() => upstream.destroy(), 10_000).unref();
      else upstream.destroy();
    });
    upstream.on('data', (chunk) => void client.write(chunk));
    client.on('close', () => {
      if (!isHalfOpen) upstream.destroy();
    });
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cutsMade: () => made,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
