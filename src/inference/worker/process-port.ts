import { Socket, type ConnectOpts, type SocketConstructorOpts } from 'node:net';
import { createFrameReader, encodeFrame } from '../framing.js';
import type { WorkerRequest } from '../messages.js';
import type { WorkerPort } from './serve.js';

/** Where the pool puts the child's end of the line. */
const CHANNEL_FD = 3;
const MAX_FRAME_BYTES = 2 ** 31;

/**
 * A child process's own end of the line. When the line breaks, the server has gone, and the child goes at once:
 * there is nobody to answer to.
 */
export function processPort(): WorkerPort {
  let deliver: (request: WorkerRequest) => void = () => undefined;
  const reader = createFrameReader(MAX_FRAME_BYTES, ({ message }) => {
    // The pool wrote it; the child trusts the pool.
    deliver(message as WorkerRequest);
  });
  // Node's types know `onread` only for sockets that connect.
  const options: SocketConstructorOpts & ConnectOpts = {
    fd: CHANNEL_FD,
    readable: true,
    writable: true,
    // Tensors are read to where they stay, not into chunks that are copied once more: half the time at 600 kB.
    onread: {
      buffer: () => reader.room(),
      callback: (bytes: number) => {
        reader.filled(bytes);
        return true;
      },
    },
  };
  const socket = new Socket(options);
  for (const event of ['end', 'error', 'close']) socket.on(event, leaveNow);
  return {
    post: (message) => {
      socket.cork();
      for (const part of encodeFrame(message)) socket.write(part);
      socket.uncork();
    },
    onMessage: (listener) => {
      deliver = listener;
      socket.resume();
    },
    close: () => {
      socket.end(leaveNow);
    },
  };
}

/** Not `exit`: what native libraries do there takes time, can hang, and saves nothing. */
function leaveNow(): void {
  process.kill(process.pid, 'SIGKILL');
}
