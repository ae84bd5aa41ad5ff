/**
 * One job for one throw-away child: started in a jail, heard through a schema, watched for time, memory and disk, and gone
 * when the answer is given. What the job is, its callers know.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtEntry } from '../lib/built-entry.js';
import { refuse, ok, type Refusal, type Result } from '../lib/result.js';
import { inheritableFiles, residentBytesOfTree } from '../lib/sandbox.js';
import { SILENT_ENGINES } from '../inference/index.js';
import type { Jail, JailJob } from './jail.js';
import { IMPORT_LIMITS } from './limits.js';
import type { ImportRefusal, ImportRefusalCode } from './types.js';

const MEMORY_POLL_MS = 25;
const DISK_POLL_MS = 500;
const MIB = 1024 * 1024;
/** More than this is not a report but an attempt to fill our memory. */
const MAX_MESSAGES = 20_000;

type ChildRefusal = Refusal & { readonly subject: string | null };

/** What a child says, once it is believed. */
export type ChildWord<Progress, Report, No extends ChildRefusal> =
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'done'; readonly report: Report }
  | { readonly type: 'refused'; readonly refusal: No };

export interface ChildTask<Progress, Report, No extends ChildRefusal> extends JailJob {
  /** The program, beside this file, e.g. `./child/main.js`. */
  readonly entry: string;
  /** Sent once, first; with the paths as the child sees them. */
  readonly requestFor: (seen: JailJob) => object;
  readonly timeoutMs: number;
  readonly maxMemoryBytes: number;
  /** `null`: nothing that such a child may say. */
  readonly hear: (raw: unknown) => ChildWord<Progress, Report, No> | null;
  /** A longer time in all, earned by what the child has come to; `null`: as before. */
  readonly timeoutAt?: (progress: Progress) => number | null;
  /** Called once, when a child that did start has ended. `null`: this platform does not tell. */
  readonly measured?: (peakMemoryBytes: number | null) => void;
}

/** Starts a child, gives it its job, and answers when it is gone. */
export async function runTask<Progress, Report, No extends ChildRefusal>(
  task: ChildTask<Progress, Report, No>,
  jail: Jail,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Result<Report, No | ImportRefusal>> {
  return watch(startChild(task, jail), task, onProgress, signal);
}

function startChild<Progress, Report, No extends ChildRefusal>(
  task: ChildTask<Progress, Report, No>,
  jail: Jail,
): ChildProcess {
  const entry = fileURLToPath(builtEntry(import.meta.url, task.entry));
  const heapMib = Math.max(64, Math.floor(task.maxMemoryBytes / MIB / 2));
  const enclosed = jail.enclose(task, [
    process.execPath,
    '--disable-proto=delete',
    `--max-old-space-size=${heapMib}`,
    entry,
  ]);
  const [program = process.execPath, ...rest] = enclosed.command;
  const child = spawn(program, rest, {
    cwd: task.workDirectory,
    // Nothing of ours: no secrets, no proxies, no NODE_OPTIONS. TensorFlow's banners stay out of the way.
    env: { TF_CPP_MIN_LOG_LEVEL: '3', ...SILENT_ENGINES, TMPDIR: enclosed.workDirectory },
    stdio: childFiles(),
    serialization: 'json',
  });
  // Should it be gone already, `close` says so.
  child.send(task.requestFor(enclosed), () => undefined);
  return child;
}

/** Its line to us, and nothing of whatever this process was itself started with. */
function childFiles(): StdioOptions {
  const files: ('ignore' | 'ipc')[] = ['ignore', 'ignore', 'ignore', 'ipc'];
  const highest = Math.max(-1, ...inheritableFiles());
  while (files.length <= highest) files.push('ignore');
  return files;
}

/** Resolves when the child has exited, with what it said or how it ended. */
function watch<Progress, Report, No extends ChildRefusal>(
  child: ChildProcess,
  task: ChildTask<Progress, Report, No>,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Result<Report, No | ImportRefusal>> {
  type Ending = Result<Report, No | ImportRefusal>;
  return new Promise((resolve) => {
    let answer: Ending | null = null;
    let messages = 0;
    let peakMemoryBytes: number | null = null;

    /** The first verdict counts; the child has nothing more to say after it. */
    function end(verdict: Ending): void {
      answer ??= verdict;
      child.kill('SIGKILL');
    }

    const startedAt = performance.now();
    let deadline = setDeadline(task.timeoutMs);
    function setDeadline(afterMs: number): NodeJS.Timeout {
      return setTimeout(
        () => end(refusal('IMPORT_TIMED_OUT', `The import took longer than ${afterMs} ms and was ended.`)),
        Math.max(0, afterMs - (performance.now() - startedAt)),
      );
    }
    const memory = setInterval(() => {
      const used = residentBytesOfTree(child.pid);
      if (used === null) return;
      peakMemoryBytes = Math.max(peakMemoryBytes ?? 0, used);
      if (used <= task.maxMemoryBytes) return;
      const limit = Math.round(task.maxMemoryBytes / MIB);
      end(
        refusal('IMPORT_OUT_OF_MEMORY', `The import needed more than ${limit} MiB of memory and was ended.`),
      );
    }, MEMORY_POLL_MS);
    const disk = setInterval(() => {
      void bytesIn(task.workDirectory).then((used) => {
        if (used <= IMPORT_LIMITS.maxJobBytes) return;
        const limit = IMPORT_LIMITS.maxJobBytes / MIB;
        end(refusal('LIMIT_EXCEEDED', `The import wrote more than ${limit} MiB and was ended.`));
      });
    }, DISK_POLL_MS);
    const onAbort = (): void => {
      end(refusal('IMPORT_CANCELLED', 'The import was cancelled.'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();

    function progressed(progress: Progress): void {
      const timeoutMs = task.timeoutAt?.(progress) ?? null;
      if (timeoutMs !== null) {
        clearTimeout(deadline);
        deadline = setDeadline(timeoutMs);
      }
      onProgress(progress);
    }

    child.on('message', (raw) => {
      if (answer !== null) return;
      const word = task.hear(raw);
      if (word === null || ++messages > MAX_MESSAGES) {
        end(refusal('IMPORT_CRASHED', 'The import ended without a usable answer.'));
        return;
      }
      if (word.type === 'progress') progressed(word.progress);
      else if (word.type === 'done') end(ok(word.report));
      else end(refuse(word.refusal));
    });

    let finished = false;
    function finish(verdict: Ending): void {
      if (finished) return;
      finished = true;
      clearTimeout(deadline);
      clearInterval(memory);
      clearInterval(disk);
      signal.removeEventListener('abort', onAbort);
      if (child.pid !== undefined) task.measured?.(peakMemoryBytes);
      resolve(verdict);
    }
    child.on('error', (error) => {
      // Only "could not be started" ends here without an exit; a failed kill or send is followed by one.
      if (child.pid === undefined)
        finish(refusal('IMPORT_CRASHED', `The import could not be started: ${error.message}.`));
    });
    // `close`, not `exit`: messages that the child sent with its last breath are delivered before it.
    child.on('close', (code, by) => {
      const how = by ?? `exit code ${code}`;
      finish(answer ?? refusal('IMPORT_CRASHED', `The import crashed (${how}) while reading the file.`));
    });
  });
}

/** Of the files in a directory and below, as far as they are still there when asked. */
async function bytesIn(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries.map(async (entry) => {
    const stat = await lstat(join(entry.parentPath, entry.name)).catch(() => null);
    return stat?.isFile() === true ? stat.size : 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

export function refusal(
  code: ImportRefusalCode,
  message: string,
): { readonly ok: false; readonly error: ImportRefusal } {
  return refuse({ code, message, subject: null });
}

/** Size and SHA-256 (hex) of a regular file that a child left; `null` when it is none. */
export async function describeFile(
  path: string,
): Promise<{ readonly bytes: number; readonly digest: string } | null> {
  const stat = await lstat(path).catch(() => null);
  if (stat === null || !stat.isFile()) return null;
  const hash = createHash('sha256');
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for await (const chunk of createReadStream('', { fd: file.fd, autoClose: false }))
      hash.update(chunk as Buffer);
  } finally {
    await file.close();
  }
  return { bytes: stat.size, digest: hash.digest('hex') };
}
