/**
 * One import in one child: started, watched, and gone when the promise settles. The child may crash, hang,
 * eat memory or send nonsense; each of these is a refusal with a code of its own.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, createReadStream, lstatSync } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtEntry } from '../lib/built-entry.js';
import { ok, refuse, type Result } from '../lib/result.js';
import { childMessage, type ChildReport, type ChildRequest } from './child/messages.js';
import type { Jail } from './jail.js';
import { IMPORT_LIMITS } from './limits.js';
import { importDeadlineMs } from './import-deadline.js';
import { PACK_FILE_NAME, WEIGHTS_FILE_NAME } from './pack-file.js';
import { inheritableFiles, residentBytesOfTree } from '../lib/sandbox.js';
import type {
  ImportProgress,
  ImportRefusal,
  ImportRefusalCode,
  ImportReport,
  ImportRequest,
} from './types.js';

const MEMORY_POLL_MS = 25;
const DISK_POLL_MS = 500;
const MIB = 1024 * 1024;
/** More than this is not a report but an attempt to fill our memory. */
const MAX_MESSAGES = 20_000;

type Ending = Result<ChildReport, ImportRefusal>;

export async function runChild(
  request: ImportRequest,
  jail: Jail,
  onProgress: (progress: ImportProgress) => void,
  signal: AbortSignal,
): Promise<Result<ImportReport, ImportRefusal>> {
  const child = startChild(request, jail);
  const ending = await watch(child, request, onProgress, signal);
  if (!ending.ok) return ending;
  return describePack(request, ending.value, jail);
}

function startChild(request: ImportRequest, jail: Jail): ChildProcess {
  const entry = fileURLToPath(builtEntry(import.meta.url, './child/main.js'));
  const heapMib = Math.max(64, Math.floor(request.maxMemoryBytes / MIB / 2));
  const enclosed = jail.enclose(request, [
    process.execPath,
    '--disable-proto=delete',
    `--max-old-space-size=${heapMib}`,
    entry,
  ]);
  const [program = process.execPath, ...rest] = enclosed.command;
  const child = spawn(program, rest, {
    cwd: request.workDirectory,
    // Nothing of ours: no secrets, no proxies, no NODE_OPTIONS. TensorFlow's banners stay out of the way.
    env: { TF_CPP_MIN_LOG_LEVEL: '3', TMPDIR: enclosed.workDirectory },
    stdio: childFiles(),
    serialization: 'json',
  });
  const { artifactPath, workDirectory } = enclosed;
  // Should it be gone already, `close` says so.
  child.send(
    { artifactPath, workDirectory, runtimes: request.runtimes } satisfies ChildRequest,
    () => undefined,
  );
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
function watch(
  child: ChildProcess,
  request: ImportRequest,
  onProgress: (progress: ImportProgress) => void,
  signal: AbortSignal,
): Promise<Ending> {
  return new Promise((resolve) => {
    let answer: Ending | null = null;
    let messages = 0;

    /** The first verdict counts; the child has nothing more to say after it. */
    function end(verdict: Ending): void {
      answer ??= verdict;
      child.kill('SIGKILL');
    }

    const startedAt = performance.now();
    const artifactBytes = bytesOf(request.artifactPath);
    let isTrying = false;
    let deadline = setDeadline(0);
    function setDeadline(weightBytes: number): NodeJS.Timeout {
      const afterMs = importDeadlineMs(request.timeoutMs, artifactBytes, weightBytes);
      return setTimeout(
        () => end(refusal('IMPORT_TIMED_OUT', `The import took longer than ${afterMs} ms and was ended.`)),
        Math.max(0, afterMs - (performance.now() - startedAt)),
      );
    }
    const memory = setInterval(() => {
      const used = residentBytesOfTree(child.pid);
      if (used !== null && used > request.maxMemoryBytes) {
        end(
          refusal(
            'IMPORT_OUT_OF_MEMORY',
            `The import needed more than ${Math.round(request.maxMemoryBytes / MIB)} MiB of memory and was ended.`,
          ),
        );
      }
    }, MEMORY_POLL_MS);
    const disk = setInterval(() => {
      void bytesIn(request.workDirectory).then((used) => {
        if (used <= IMPORT_LIMITS.maxJobBytes) return;
        end(
          refusal(
            'LIMIT_EXCEEDED',
            `The import wrote more than ${IMPORT_LIMITS.maxJobBytes / MIB} MiB and was ended.`,
          ),
        );
      });
    }, DISK_POLL_MS);
    const onAbort = (): void => {
      end(refusal('IMPORT_CANCELLED', 'The import was cancelled.'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();

    child.on('message', (raw) => {
      if (answer !== null) return;
      const parsed = childMessage.safeParse(raw);
      if (!parsed.success || ++messages > MAX_MESSAGES) {
        end(refusal('IMPORT_CRASHED', 'The import ended without a usable answer.'));
        return;
      }
      const message = parsed.data;
      if (message.type === 'progress') {
        if (message.phase === 'TRYING' && !isTrying) {
          isTrying = true;
          clearTimeout(deadline);
          deadline = setDeadline(bytesOf(join(request.workDirectory, WEIGHTS_FILE_NAME)));
        }
        onProgress({ phase: message.phase, fraction: message.fraction });
      } else if (message.type === 'done') end(ok(message.report));
      else end(refuse({ code: message.code, message: message.message, subject: message.subject }));
    });

    let finished = false;
    function finish(verdict: Ending): void {
      if (finished) return;
      finished = true;
      clearTimeout(deadline);
      clearInterval(memory);
      clearInterval(disk);
      signal.removeEventListener('abort', onAbort);
      resolve(verdict);
    }
    child.on('error', (error) => {
      // Only "could not be started" ends here without an exit; a failed kill or send is followed by one.
      if (child.pid === undefined)
        finish(refusal('IMPORT_CRASHED', `The import could not be started: ${error.message}.`));
    });
    // `close`, not `exit`: messages that the child sent with its last breath are delivered before it.
    child.on('close', (code, by) => {
      finish(
        answer ??
          refusal(
            'IMPORT_CRASHED',
            `The import crashed (${by ?? `exit code ${code}`}) while reading the file.`,
          ),
      );
    });
  });
}

/** Of a file, but no more than a model may have; 0 where there is none. */
function bytesOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true ? Math.min(stat.size, IMPORT_LIMITS.maxWeightBytes) : 0;
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

function refusal(
  code: ImportRefusalCode,
  message: string,
): { readonly ok: false; readonly error: ImportRefusal } {
  return refuse({ code, message, subject: null });
}

/** Looks at the pack itself: a child that was taken over could claim any digest, or leave a link. */
async function describePack(
  request: ImportRequest,
  report: ChildReport,
  jail: Jail,
): Promise<Result<ImportReport, ImportRefusal>> {
  const packPath = join(request.workDirectory, PACK_FILE_NAME);
  const stat = await lstat(packPath).catch(() => null);
  if (stat === null || !stat.isFile())
    return refusal('IMPORT_CRASHED', 'The import ended without leaving a pack.');
  const hash = createHash('sha256');
  const file = await open(packPath, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for await (const chunk of createReadStream('', { fd: file.fd, autoClose: false }))
      hash.update(chunk as Buffer);
  } finally {
    await file.close();
  }
  return ok({
    ...report,
    packPath,
    packBytes: stat.size,
    packDigest: hash.digest('hex'),
    isolation: { network: jail.walls.networkCutOff ? 'none' : 'host' },
  });
}
