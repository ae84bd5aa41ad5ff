// What hostile files reach for, and how it is noticed that something came: a file with a secret whose reading
// shows in its access time, a pipe whose opening unblocks a writer, a listener that counts connections. Each is
// tried on itself first: a detector that cannot ring proves nothing.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NOTICED_WITHIN_MS = 2_000;
const LONG_AGO = new Date('2001-01-01T00:00:00Z');

/** Lays out the bait. `touched()` names what has been reached for since it was last asked. */
export async function layBait() {
  const directory = mkdtempSync(join(tmpdir(), 'souk-bait-'));
  const path = join(directory, 'secret');
  const pipe = join(directory, 'pipe');
  const secret = `canary-${randomBytes(24).toString('hex')}`;
  writeFileSync(path, `${secret}\n`.repeat(64));
  execFileSync('mkfifo', [pipe]);

  // With relatime, a read moves an access time that lies before the last change.
  const rearm = () => utimesSync(path, LONG_AGO, statSync(path).mtime);
  const wasRead = () => statSync(path).atimeMs !== LONG_AGO.getTime();

  let pipeOpened = false;
  let armed = null;
  /** Blocks in a thread of libuv's until somebody opens the other end. */
  const armPipe = () => {
    armed = open(pipe, 'w').then(
      async (handle) => {
        pipeOpened = true;
        await handle.close();
      },
      () => undefined,
    );
  };
  const openPipe = () => closeSync(openSync(pipe, 'r'));

  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();

  async function until(condition, what) {
    const startedAt = performance.now();
    while (!condition()) {
      if (performance.now() - startedAt > NOTICED_WITHIN_MS)
        throw new Error(`The detector for ${what} is deaf here.`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Reaches for everything once, as a hostile file would, and sees that each is noticed. */
  async function tryOut() {
    rearm();
    readFileSync(path);
    await until(wasRead, 'reading the file');
    armPipe();
    openPipe();
    await until(() => pipeOpened, 'opening the pipe');
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await until(() => connections === 1, 'connections');
    socket.destroy();
    rearm();
    pipeOpened = false;
    connections = 0;
    armPipe();
  }

  return {
    bait: { path, pipe, url: `http://127.0.0.1:${port}/canary` },
    secret,
    directory,
    tryOut,
    touched() {
      const found = [];
      if (wasRead()) found.push('the file was read');
      if (pipeOpened) found.push('the pipe was opened');
      if (connections > 0) found.push(`${connections} connections arrived`);
      rearm();
      if (pipeOpened) {
        pipeOpened = false;
        armPipe();
      }
      connections = 0;
      return found;
    },
    async remove() {
      if (!pipeOpened) openPipe();
      await armed;
      server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
