// A TCP gate before a server, which cuts what passes through it at offsets of its user's choice.
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

/**
 * @param target the server's port, asked for at each connection: it changes with a restart
 * @param cuts each `{at, how, from}`: after so many bytes from the `client` (or the `server`), over all connections,
 *   `reset`: both ends are gone at once, with what the client has not read yet; `end`: what passed still arrives; `half-open`: the client's end is, and the server hears nothing of it for a
 *   while; `hold`: nothing is gone, and nothing passes any more
 */
export async function openGate(target, cuts) {
  const sockets = new Set();
  const made = [];
  const watch = { client: counter('client'), server: counter('server') };

  function counter(from) {
    const pending = cuts
      .filter((cut) => (cut.from ?? 'client') === from)
      .sort((one, other) => one.at - other.at);
    let passed = 0;
    /** What of the chunk still passes, and the cut that comes then. */
    return (chunk) => {
      passed += chunk.length;
      const cut = pending[0];
      if (cut === undefined || passed < cut.at) return { rest: chunk, cut: null };
      pending.shift();
      made.push(cut);
      return { rest: chunk.subarray(0, chunk.length - (passed - cut.at)), cut };
    };
  }

  const server = createServer((client) => {
    const upstream = connect(target(), '127.0.0.1');
    let isHalfOpen = false;
    let isHeld = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    const pass = (from, to, count) => (chunk) => {
      if (isHeld) return;
      const { rest, cut } = count(chunk);
      const isTaken = to.write(rest);
      if (cut === null) {
        if (isTaken) return;
        from.pause();
        to.once('drain', () => from.resume());
        return;
      }
      isHeld = true;
      if (cut.how === 'hold') return;
      isHalfOpen = cut.how === 'half-open';
      if (cut.how === 'end') client.end();
      else client.resetAndDestroy();
      if (isHalfOpen) setTimeout(() => upstream.destroy(), 10_000).unref();
      else upstream.destroy();
    };
    client.on('data', pass(client, upstream, watch.client));
    upstream.on('data', pass(upstream, client, watch.server));
    client.on('close', () => {
      if (!isHalfOpen) upstream.destroy();
    });
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cutsMade: () => made.length,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
