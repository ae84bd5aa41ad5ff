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
import { ok, refuse, type Result } from '../lib/result.js';
import { childMessage, type ChildReport, type ChildRequest } from './child/messages.js';
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

type Ending = Result<ChildReport, ImportRefusal>;

export async function runChild(
  request: ImportRequest,
  sandbox: Sandbox,
  onProgress: (progress: ImportProgress) => void,
  signal: AbortSignal,
): Promise<Result<ImportReport, ImportRefusal>> {
  const child = startChild(request, sandbox);
  const ending = await watch(child, request, sandbox, onProgress, signal);
  if (!ending.ok) return ending;
  return describePack(request, ending.value, sandbox);
}

function startChild(request: ImportRequest, sandbox: Sandbox): ChildProcess {
  const entry = fileURLToPath(builtEntry(import.meta.url, './child/main.js'));
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
function watch(
  child: ChildProcess,
  request: ImportRequest,
  { network }: Sandbox,
  onProgress: (progress: ImportProgress) => void,
  signal: AbortSignal,
): Promise<Ending> {
  return new Promise((resolve) => {
    let answer: Ending | null = null;
    let messages = 0;
    let latest: ImportProgress = { phase: 'READING', fraction: 0 };
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
      const parsed = childMessage.safeParse(raw);
      if (!parsed.success || ++messages > MAX_MESSAGES) {
        end(refusal('IMPORT_CRASHED', 'The import ended without a usable answer.'));
        return;
      }
      const message = parsed.data;
      if (message.type === 'progress') {
        latest = { phase: message.phase, fraction: message.fraction };
        onProgress(latest);
      } else if (message.type === 'facts') onProgress({ ...latest, facts: message.facts });
      else if (message.type === 'done') end(ok(message.report));
      else end(refuse({ code: message.code, message: message.message, subject: message.subject }));
    });

    let finished = false;
    function finish(verdict: Ending): void {
      if (finished) return;
      finished = true;
      clearTimeout(deadline);
      clearInterval(memory);
      signal.removeEventListener('abort', onAbort);
      if (child.pid !== undefined) onProgress({ ...latest, facts: { peakMemoryBytes, network } });
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
    child.send(
      {
        artifactPath: request.artifactPath,
        workDirectory: request.workDirectory,
        runtimes: request.runtimes,
      } satisfies ChildRequest,
      () => undefined,
    );
  });
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
    isolation: { network: sandbox.network },
  });
}
