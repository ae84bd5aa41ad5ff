/**
 * One import in one child: started, watched, and gone when the promise settles. The child may crash, hang,
 * eat memory or send nonsense; each of these is a refusal with a code of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtEntry } from '../lib/built-entry.js';
import { ok, refuse, type Refusal, type Result } from '../lib/result.js';
import type { Tensor } from '../lib/tensor.js';
import { childMessage, type ChildReport, type ChildRequest, type WireSample } from './child/messages.js';
import { PACK_FILE_NAME } from './pack-file.js';
import { residentBytes, type Sandbox as WholeSandbox } from '../lib/sandbox.js';
import type {
  ImportProgress,
  ImportRefusal,
  ImportRefusalCode,
  ImportReport,
  ImportRequest,
} from './types.js';

/** The rest of it concerns children that stay. */
type Sandbox = Pick<WholeSandbox, 'prefix' | 'network'>;

const MEMORY_POLL_MS = 25;
const MIB = 1024 * 1024;
/** More than this is not a report but an attempt to fill our memory. */
const MAX_MESSAGES = 20_000;

type ChildRefusal = Refusal & { readonly subject: string | null };

/** What a child says, once it is believed. */
export type ChildWord<Progress, Report, No extends ChildRefusal> =
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'done'; readonly report: Report }
  | { readonly type: 'refused'; readonly refusal: No };

/** One job for one throw-away child. */
export interface ChildTask<Progress, Report, No extends ChildRefusal> {
  /** The program, beside this file, e.g. `./child/main.js`. */
  readonly entry: string;
  /** Sent once, first. */
  readonly request: object;
  readonly workDirectory: string;
  readonly timeoutMs: number;
  readonly maxMemoryBytes: number;
  /** `null`: nothing that such a child may say. */
  readonly hear: (raw: unknown) => ChildWord<Progress, Report, No> | null;
  /** Called once, when a child that did start has ended. `null`: this platform does not tell. */
  readonly measured?: (peakMemoryBytes: number | null) => void;
}

export async function runChild(
  request: ImportRequest,
  sandbox: Sandbox,
  onProgress: (progress: ImportProgress) => void,
  signal: AbortSignal,
): Promise<Result<ImportReport, ImportRefusal>> {
  const { artifactPath, workDirectory, runtimes, sample, timeoutMs, maxMemoryBytes } = request;
  let latest: ImportProgress = { phase: 'READING', fraction: 0 };
  const task: ChildTask<ImportProgress, ChildReport, ImportRefusal> = {
    entry: './child/main.js',
    request: {
      artifactPath,
      workDirectory,
      runtimes,
      ...(sample === undefined ? {} : { sample: sample.map(toWire) }),
    } satisfies ChildRequest,
    workDirectory,
    timeoutMs,
    maxMemoryBytes,
    hear: (raw) => {
      const word = hear(raw, latest);
      if (word?.type === 'progress') latest = { phase: word.progress.phase, fraction: word.progress.fraction };
      return word;
    },
    measured: (peakMemoryBytes) => {
      onProgress({ ...latest, facts: { peakMemoryBytes, network: sandbox.network } });
    },
  };
  const ending = await runTask(task, sandbox, onProgress, signal);
  if (!ending.ok) return ending;
  return describePack(request, ending.value, sandbox);
}

function hear(
  raw: unknown,
  latest: ImportProgress,
): ChildWord<ImportProgress, ChildReport, ImportRefusal> | null {
  const parsed = childMessage.safeParse(raw);
  if (!parsed.success) return null;
  const message = parsed.data;
  if (message.type === 'progress') {
    return { type: 'progress', progress: { phase: message.phase, fraction: message.fraction } };
  }
  if (message.type === 'facts') return { type: 'progress', progress: { ...latest, facts: message.facts } };
  if (message.type === 'done') return message;
  const { code, message: words, subject } = message;
  return { type: 'refused', refusal: { code, message: words, subject } };
}

/** Starts a child, gives it its job, and answers when it is gone. */
export async function runTask<Progress, Report, No extends ChildRefusal>(
  task: ChildTask<Progress, Report, No>,
  sandbox: Sandbox,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Result<Report, No | ImportRefusal>> {
  return watch(startChild(task, sandbox), task, onProgress, signal);
}

function startChild(
  request: Pick<ChildTask<never, never, never>, 'entry' | 'workDirectory' | 'maxMemoryBytes'>,
  sandbox: Sandbox,
): ChildProcess {
  const entry = fileURLToPath(builtEntry(import.meta.url, request.entry));
  const heapMib = Math.max(64, Math.floor(request.maxMemoryBytes / MIB / 2));
  const command = [
    ...sandbox.prefix,
    process.execPath,
    '--disable-proto=delete',
    `--max-old-space-size=${heapMib}`,
    entry,
  ];
  return spawn(command[0] ?? process.execPath, command.slice(1), {
    cwd: request.workDirectory,
    // Nothing of ours: no secrets, no proxies, no NODE_OPTIONS. TensorFlow's banners stay out of the way.
    env: { TF_CPP_MIN_LOG_LEVEL: '3' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'json',
  });
}

/** Resolves when the child has exited, with what it said or how it ended. */
function watch<Progress, Report, No extends ChildRefusal>(
  child: ChildProcess,
  request: ChildTask<Progress, Report, No>,
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

    const deadline = setTimeout(() => {
      end(refusal('IMPORT_TIMED_OUT', `The import took longer than ${request.timeoutMs} ms and was ended.`));
    }, request.timeoutMs);
    const memory = setInterval(() => {
      const used = residentBytes(child.pid);
      if (used !== null) peakMemoryBytes = Math.max(peakMemoryBytes ?? 0, used);
      if (used !== null && used > request.maxMemoryBytes) {
        end(
          refusal(
            'IMPORT_OUT_OF_MEMORY',
            `The import needed more than ${Math.round(request.maxMemoryBytes / MIB)} MiB of memory and was ended.`,
          ),
        );
      }
    }, MEMORY_POLL_MS);
    const onAbort = (): void => {
      end(refusal('IMPORT_CANCELLED', 'The import was cancelled.'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();

    child.on('message', (raw) => {
      if (answer !== null) return;
      const word = request.hear(raw);
      if (word === null || ++messages > MAX_MESSAGES) {
        end(refusal('IMPORT_CRASHED', 'The import ended without a usable answer.'));
        return;
      }
      if (word.type === 'progress') onProgress(word.progress);
      else if (word.type === 'done') end(ok(word.report));
      else end(refuse(word.refusal));
    });

    let finished = false;
    function finish(verdict: Ending): void {
      if (finished) return;
      finished = true;
      clearTimeout(deadline);
      clearInterval(memory);
      signal.removeEventListener('abort', onAbort);
      if (child.pid !== undefined) request.measured?.(peakMemoryBytes);
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
    child.send(request.request, () => undefined);
  });
}

function toWire({ name, datatype, shape, data }: Tensor): WireSample {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { name, datatype, shape, base64: bytes.toString('base64') };
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
  sandbox: Sandbox,
): Promise<Result<ImportReport, ImportRefusal>> {
  const packPath = join(request.workDirectory, PACK_FILE_NAME);
  const left = await describeFile(packPath);
  if (left === null) return refusal('IMPORT_CRASHED', 'The import ended without leaving a pack.');
  return ok({
    ...report,
    packPath,
    packBytes: left.bytes,
    packDigest: left.digest,
    isolation: { network: sandbox.network },
  });
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
