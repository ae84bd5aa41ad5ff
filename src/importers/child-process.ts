/** The import of one file in a child of its own (`child/`), whose words are believed only as far as they fit a schema. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { ok, type Result } from '../lib/result.js';
import { describeFile, refusal, runTask, type ChildTask, type ChildWord } from './child-task.js';
import { childMessage, type ChildReport, type ChildRequest } from './child/messages.js';
import { importDeadlineMs } from './import-deadline.js';
import type { Jail } from './jail.js';
import { IMPORT_LIMITS } from './limits.js';
import { PACK_FILE_NAME, WEIGHTS_FILE_NAME } from './pack-file.js';
import type { ImportProgress, ImportRefusal, ImportReport, ImportRequest } from './types.js';

export async function runChild(
  request: ImportRequest,
  jail: Jail,
  onProgress: (progress: ImportProgress) => void,
  signal: AbortSignal,
): Promise<Result<ImportReport, ImportRefusal>> {
  const { artifactPath, workDirectory, runtimes, sample, maxMemoryBytes } = request;
  const network = jail.walls.networkCutOff ? 'none' : 'host';
  const artifactBytes = bytesOf(artifactPath);
  let latest: ImportProgress = { phase: 'READING', fraction: 0 };
  const task: ChildTask<ImportProgress, ChildReport, ImportRefusal> = {
    entry: './child/main.js',
    artifactPath,
    workDirectory,
    requestFor: (seen) =>
      ({
        artifactPath: seen.artifactPath,
        workDirectory: seen.workDirectory,
        runtimes,
        ...(sample === undefined ? {} : { sample }),
      }) satisfies ChildRequest,
    timeoutMs: importDeadlineMs(request.timeoutMs, artifactBytes, 0),
    maxMemoryBytes,
    hear(raw) {
      const word = hear(raw, latest);
      if (word?.type === 'progress')
        latest = { phase: word.progress.phase, fraction: word.progress.fraction };
      return word;
    },
    // The weights lie there when the trial begins, and take as long to load as they are large.
    timeoutAt: ({ phase, fraction, facts }) =>
      phase === 'TRYING' && facts === undefined && fraction <= TRIAL_BEGINS_AT
        ? importDeadlineMs(request.timeoutMs, artifactBytes, bytesOf(join(workDirectory, WEIGHTS_FILE_NAME)))
        : null,
    measured: (peakMemoryBytes) => {
      onProgress({ ...latest, facts: { peakMemoryBytes, network } });
    },
  };
  const ending = await runTask(task, jail, onProgress, signal);
  if (!ending.ok) return ending;
  // A child that was taken over could claim any digest, or leave a link: the pack itself is looked at.
  const packPath = join(workDirectory, PACK_FILE_NAME);
  const pack = await describeFile(packPath);
  if (pack === null) return refusal('IMPORT_CRASHED', 'The import ended without leaving a pack.');
  return ok({
    ...ending.value,
    packPath,
    packBytes: pack.bytes,
    packDigest: pack.digest,
    isolation: { network },
  });
}

/** The fraction with which a child says that it begins to try the model. */
const TRIAL_BEGINS_AT = 0.6;

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

/** Of a file, but no more than a model may have; 0 where there is none. */
function bytesOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true ? Math.min(stat.size, IMPORT_LIMITS.maxWeightBytes) : 0;
}
