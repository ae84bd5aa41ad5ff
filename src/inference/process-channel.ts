/**
 * Workers as child processes. Each is the leader of a session of its own, with an empty environment, no open
 * file of ours, and whatever walls the machine offers (`isolation.ts`). It can be killed at any moment, in the
 * middle of native code too, and takes nothing with it but the task in its hands.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { devNull } from 'node:os';
import { parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../lib/logger.js';
import { inheritableFiles, residentBytes } from '../lib/sandbox.js';
import type { checkMessage } from './check-message.js';
import { createFrameReader, encodeFrame } from './framing.js';
import { logLines } from './log-lines.js';
import type { WorkerSettings } from './messages.js';
import {
  WORKER_YOUNG_GENERATION_MIB,
  type OpenWorkerChannel,
  type WorkerChannelListeners,
} from './worker-channel.js';

export interface ProcessOptions {
  /** The compiled entry file. */
  readonly entry: URL;
  /** Asked for each worker: the machine is examined after the pool was made. */
  readonly settings: () => WorkerSettings;
  readonly commandPrefix: () => readonly string[];
  /** Asked for each worker: it is loaded before the first is opened, and only where workers are processes. */
  readonly checkMessage: () => typeof checkMessage;
  /** All that the child finds in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly maxHeapBytes: number;
  /** A child with more in RAM is ended, whatever it does. */
  readonly maxResidentBytes: number;
  /** An idle child with more in RAM is ended too: what it keeps between runs is a leak. */
  readonly maxIdleBytes: number;
  readonly logger: Logger;
}

const BYTES_PER_MEBIBYTE = 2 ** 20;
/** Beside stdin, stdout and stderr. The child's end is in `worker/process-port.ts`. */
const CHANNEL_FD = 3;
const MAX_FRAME_BYTES = 2 ** 30;
const MEMORY_POLL_MS = 200;
/** For the last words of a child that has exited. */
const LAST_WORDS_MS = 200;
const KEPT_CHARACTERS = 4_000;

/** Opens workers as children of this process. */
export function processChannels(options: ProcessOptions): OpenWorkerChannel {
  return (name, listeners) => openChild(name, listeners, options);
}

function openChild(
  name: string,
  listeners: WorkerChannelListeners,
  options: ProcessOptions,
): ReturnType<OpenWorkerChannel> {
  const { logger } = options;
  const check = options.checkMessage();
  const child = spawnChild(options);
  // Of the given kinds: `pipe` in the third place and beyond is a socket in both directions.
  const socket = child.stdio[CHANNEL_FD] as Socket;
  let pending = 0;
  let hasLeft = false;
  /** Its end is our doing, so it needs no explanation. */
  let isExpected = false;
  let lastWords = '';

  const kill = (): void => {
    isExpected = true;
    killSession(child);
  };
  const fail = (reason: string): void => {
    if (hasLeft) return;
    listeners.onError(reason);
    kill();
  };

  const reader = createFrameReader(MAX_FRAME_BYTES, ({ message }) => {
    if (hasLeft) return;
    const checked = check(message);
    if (checked === null) {
      fail('it sent a message that the pool does not understand');
      return;
    }
    if ('id' in checked && checked.type !== 'loading' && checked.type !== 'computing') pending -= 1;
    if (checked.type === 'stopped') isExpected = true;
    listeners.onMessage(checked);
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      logger.error({ worker: name, err: error }, 'worker sent what is no message');
      fail('it sent what is no message');
    }
  });
  // A child that died with a request half written; its exit says the rest.
  socket.on('error', () => undefined);

  if (child.stdout !== null) {
    logLines(child.stdout, (text) => {
      logger.debug({ worker: name, text }, 'worker output');
    });
  }
  if (child.stderr !== null) {
    logLines(child.stderr, (text) => {
      lastWords = `${lastWords} ${text}`.slice(-KEPT_CHARACTERS);
      logger.warn({ worker: name, text }, 'worker error output');
    });
  }

  const watch = setInterval(() => {
    const used = residentBytes(child.pid);
    if (used === null) return;
    const limit = pending > 0 ? options.maxResidentBytes : options.maxIdleBytes;
    if (used > limit) fail(`it used ${mebibytes(used)} MiB of memory; ${mebibytes(limit)} are allowed`);
  }, MEMORY_POLL_MS);

  let lastWordsTimer: NodeJS.Timeout | undefined;
  const leave = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (hasLeft) return;
    hasLeft = true;
    clearTimeout(lastWordsTimer);
    clearInterval(watch);
    // A grandchild might still hold them open.
    for (const stream of [socket, child.stdout, child.stderr]) stream?.destroy();
    if (signal !== null && !isExpected) listeners.onError(describeDeath(signal, lastWords));
    listeners.onExit(code ?? 0);
  };
  child.on('error', (error) => {
    // "Could not be started" is the only one that no exit follows.
    if (child.pid !== undefined) return;
    logger.error({ worker: name, err: error }, 'worker could not be started');
    listeners.onError('it could not be started');
    leave(1, null);
  });
  child.on('exit', (code, signal) => {
    // Whatever it may have started.
    killSession(child);
    // Not at once: answers that it gave before its end may still be on their way.
    lastWordsTimer = setTimeout(leave, LAST_WORDS_MS, code, signal);
  });
  child.on('close', leave);

  return {
    post: (request) => {
      if (hasLeft || socket.destroyed) return;
      pending += 1;
      socket.cork();
      for (const part of encodeFrame(request)) socket.write(part);
      socket.uncork();
    },
    terminate: kill,
  };
}

function spawnChild(options: ProcessOptions): ChildProcess {
  const heapMib = Math.ceil(options.maxHeapBytes / BYTES_PER_MEBIBYTE);
  const [command = process.execPath, ...rest] = [
    ...options.commandPrefix(),
    process.execPath,
    `--max-old-space-size=${heapMib}`,
    // The young generation is three of these.
    `--max-semi-space-size=${WORKER_YOUNG_GENERATION_MIB / 3}`,
    fileURLToPath(options.entry),
    JSON.stringify(options.settings()),
  ];
  const nothing = openSync(devNull, 'r+');
  try {
    return spawn(command, rest, {
      // Nothing of ours: no secret, no proxy, no NODE_OPTIONS.
      env: { ...options.environment },
      cwd: parse(process.execPath).root,
      // A session of its own: a Ctrl-C meant for the server leaves it to finish its work.
      detached: true,
      stdio: childFiles(nothing),
    });
  } finally {
    closeSync(nothing);
  }
}

/** The child's open files by number: its line to the pool, and nothing in place of whatever it would inherit. */
function childFiles(nothing: number): StdioOptions {
  const files: (number | 'ignore' | 'pipe')[] = ['ignore', 'pipe', 'pipe', 'pipe'];
  for (const fd of inheritableFiles()) {
    // `ignore` in the places between: libuv leaves those as they are, closed.
    while (files.length < fd) files.push('ignore');
    files[fd] = nothing;
  }
  return files;
}

/** Ends the child and, since one that was taken over may have children of its own, all of its session. */
function killSession(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left of it, or the platform knows no sessions.
    child.kill('SIGKILL');
  }
}

function describeDeath(signal: NodeJS.Signals, lastWords: string): string {
  if (/out of memory|bad_alloc|cannot allocate memory|allocation failed/i.test(lastWords)) {
    return 'it ran out of memory';
  }
  if (signal === 'SIGKILL') return 'something outside the pool killed it (SIGKILL)';
  return `a fault in native code ended it (${signal})`;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / BYTES_PER_MEBIBYTE);
}
