/** A gate before a TCP server: closed, it cuts every connection and refuses new ones, as a stopped server does. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';

export interface TcpGate {
  readonly port: number;
  close(): void;
  open(): Promise<void>;
  stop(): Promise<void>;
}

export async function createTcpGate(target: { host: string; port: number }): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  let server = listen();
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  function listen(at = 0) {
    const listening = createServer((client) => {
      const upstream = connect(target.port, target.host);
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          (socket === client ? upstream : client).destroy();
        });
      }
      client.pipe(upstream).pipe(client);
    });
    return listening.listen(at, '127.0.0.1');
  }

  function close(): void {
    server.close();
    for (const socket of sockets) socket.destroy();
  }

  return {
    port,
    close,
    async open() {
      server = listen(port);
      await once(server, 'listening');
    },
    async stop() {
      close();
      await Promise.resolve();
    },
  };
}
