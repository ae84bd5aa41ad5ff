/** Reads strangers' datasets, each in a child of its own; the pattern and the walls are those of imports. */
import { join } from 'node:path';
import { ok, refuse, type Result } from '../../lib/result.js';
import { describeFile, runTask, type ChildTask, type ChildWord } from '../child-task.js';
import { createTurnstile, type ImporterDeps } from '../importer.js';
import { DATASET_FILE_NAME } from './canonical.js';
import { datasetChildMessage, type DatasetChildRequest } from './messages.js';
import type { DatasetRefusal, DatasetReport, DatasetRequest, ReadDataset } from './types.js';

export interface DatasetReader {
  /**
   * Reads and checks a labelled dataset in a throw-away child process and leaves its canonical form in the work
   * directory, which is the caller's to remove.
   * @param signal ends a waiting or running reading with IMPORT_CANCELLED
   */
  readDataset(request: DatasetRequest, signal?: AbortSignal): Promise<Result<ReadDataset, DatasetRefusal>>;
  stop(): Promise<void>;
}

export function createDatasetReader(deps: ImporterDeps = {}): DatasetReader {
  const turnstile = createTurnstile(deps);
  return Object.freeze({
    async readDataset(request: DatasetRequest, signal?: AbortSignal) {
      const { sourcePath, workDirectory, options, timeoutMs, maxMemoryBytes } = request;
      const task: ChildTask<never, DatasetReport, DatasetRefusal> = {
        entry: './datasets/child.js',
        artifactPath: sourcePath,
        workDirectory,
        requestFor: (seen) =>
          ({
            sourcePath: seen.artifactPath,
            workDirectory: seen.workDirectory,
            options,
          }) satisfies DatasetChildRequest,
        timeoutMs,
        maxMemoryBytes,
        hear,
      };
      const ended = await turnstile.run(signal, (jail, until) => runTask(task, jail, () => undefined, until));
      if (!ended.ok) return ended;
      const path = join(workDirectory, DATASET_FILE_NAME);
      const left = await describeFile(path);
      if (left !== null) return ok({ ...ended.value, ...left, path });
      return refuse({
        code: 'IMPORT_CRASHED',
        message: 'The import ended without leaving a dataset.',
        subject: null,
      } as const);
    },
    stop: turnstile.stop,
  });
}

function hear(raw: unknown): ChildWord<never, DatasetReport, DatasetRefusal> | null {
  const parsed = datasetChildMessage.safeParse(raw);
  if (!parsed.success) return null;
  if (parsed.data.type === 'done') return parsed.data;
  const { code, message, subject } = parsed.data;
  return { type: 'refused', refusal: { code, message, subject } };
}
