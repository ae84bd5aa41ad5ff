// Processes of our own that answer one question at a time over IPC: load generators, raw engines, the naive server.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const READY_WITHIN_MS = 60_000;

/**
 * Starts a script of this folder and waits until it says that it is ready.
 * @param {{environment?: Record<string, string>, args?: string[]}} options
 * @returns {Promise<{pid: number, hello: object, ask: (question: object) => Promise<any>, stop: () => Promise<void>}>}
 */
export async function startChild(file, { environment = {}, args = [] } = {}) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const closed = once(child, 'close');
  let lastWords = '';
  child.stderr.on('data', (chunk) => (lastWords = (lastWords + String(chunk)).slice(-4_000)));

  /** One message from it; its death before that is an error. */
  function reply(within) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(late);
        child.off('message', onMessage);
        settle(value);
      };
      const onMessage = (message) =>
        message.error === undefined
          ? end(resolve, message)
          : end(reject, new Error(`${file}: ${message.error}`));
      const late = setTimeout(() => end(reject, new Error(`${file} did not answer in time.`)), within);
      child.on('message', onMessage);
      void closed.then(() =>
        end(reject, new Error(`${file} ended (${child.signalCode ?? child.exitCode}).\n${lastWords}`)),
      );
    });
  }

  async function stop() {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await closed;
  }

  try {
    const hello = await reply(READY_WITHIN_MS);
    return {
      pid: child.pid,
      hello,
      ask(question, withinMs = 900_000) {
        const answer = reply(withinMs);
        child.send(question);
        return answer;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
