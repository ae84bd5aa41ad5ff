/** Runs cases of all targets in turn, and keeps what came of each. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createImporter, IMPORT_REFUSAL_CODES } from '../../../src/importers/index.js';
import { RUNTIMES } from '../../../src/inference/index.js';
import { createReaderThread } from '../reader-thread.js';
import { fuzzTargets, type FuzzTarget } from './targets.js';

const READ_WITHIN_MS = 5_000;
const CHILD_WITHIN_MS = 25_000;
const CHILD_MEMORY_BYTES = 3 * 2 ** 30;
/** Of a whole target, at most this share may end at the deadline, and only where that is known. */
const MAX_HANGING_SHARE = 0.05;

export interface FuzzFailure {
  readonly target: string;
  readonly seed: number;
  readonly outcome: string;
}

export interface FuzzOptions {
  /** All targets together. */
  readonly cases: number;
  /** The first seed of each target. */
  readonly from: number;
  /** `null`: all. */
  readonly target: string | null;
  /** Of the cases that the readers take every so many go through a whole child, of the others fewer; 0: none. */
  readonly childEvery: number;
  readonly onFailure?: (failure: FuzzFailure) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface FuzzResult {
  readonly cases: number;
  readonly throughChildren: number;
  /** How often each outcome came, by target. */
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Engines that died of a file that the readers took: contained, each in its child. */
  readonly engineCrashes: readonly FuzzFailure[];
  readonly failures: readonly FuzzFailure[];
}

const KNOWN: ReadonlySet<string> = new Set<string>(['ACCEPTED', ...IMPORT_REFUSAL_CODES]);

export async function runFuzz(options: FuzzOptions): Promise<FuzzResult> {
  const targets = (await fuzzTargets()).filter(
    ({ name }) => options.target === null || name === options.target,
  );
  if (targets.length === 0) throw new Error(`There is no target ${options.target}.`);
  const reader = createReaderThread(READ_WITHIN_MS);
  const child = createChildReader();
  const outcomes: Record<string, Record<string, number>> = {};
  const failures: FuzzFailure[] = [];
  const crashes: FuzzFailure[] = [];
  let throughChildren = 0;
  let accepted = 0;

  const note = (target: FuzzTarget, seed: number, outcome: string, isBad: boolean): void => {
    const counts = (outcomes[target.name] ??= {});
    const kind = outcome.split(' ')[0] ?? outcome;
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (!isBad) return;
    const failure = { target: target.name, seed, outcome };
    failures.push(failure);
    options.onFailure?.(failure);
  };

  try {
    for (let i = 0; i < options.cases; i++) {
      const target = targets[i % targets.length] as FuzzTarget;
      const seed = options.from + Math.floor(i / targets.length);
      const bytes = target.make(seed);
      const outcome = await reader.read(bytes);
      const hangs = outcome === 'HANGS';
      note(target, seed, outcome, hangs ? !target.mayHang : !KNOWN.has(outcome));
      // Most of them go to what the readers take, because only that reaches an engine.
      if (outcome === 'ACCEPTED') accepted += 1;
      const every = options.childEvery;
      const isForChild =
        every > 0 && (outcome === 'ACCEPTED' ? accepted % every === 0 : i % (every * 10) === 0 && !hangs);
      if (isForChild) {
        throughChildren += 1;
        const verdict = await child.read(bytes);
        // What the readers take, engines may still not run; what they refuse is refused alike.
        const agrees = verdict === outcome || outcome === 'ACCEPTED';
        // An engine that dies takes only the child with it. Its makers may want to hear of it.
        if (verdict === 'IMPORT_CRASHED') crashes.push({ target: target.name, seed, outcome: verdict });
        note(target, seed, `CHILD:${verdict}`, !agrees || !KNOWN.has(verdict));
      }
      options.onProgress?.(i + 1, options.cases);
    }
  } finally {
    await reader.stop();
    await child.stop();
  }
  for (const [name, counts] of Object.entries(outcomes)) {
    const total = Object.entries(counts).reduce(
      (sum, [kind, count]) => sum + (kind.startsWith('CHILD') ? 0 : count),
      0,
    );
    if ((counts['HANGS'] ?? 0) > Math.max(1, total * MAX_HANGING_SHARE)) {
      failures.push({ target: name, seed: 0, outcome: `${counts['HANGS']} of ${total} cases hang` });
    }
  }
  return { cases: options.cases, throughChildren, outcomes, engineCrashes: crashes, failures };
}

/** The whole way: jail, readers, engines. */
function createChildReader() {
  const importer = createImporter();
  return {
    async read(bytes: Uint8Array): Promise<string> {
      const directory = mkdtempSync(join(tmpdir(), 'souk-fuzz-'));
      try {
        const artifactPath = join(directory, 'artifact');
        const workDirectory = mkdtempSync(join(directory, 'work-'));
        writeFileSync(artifactPath, bytes);
        const result = await importer.importArtifact(
          {
            artifactPath,
            workDirectory,
            runtimes: RUNTIMES,
            timeoutMs: CHILD_WITHIN_MS,
            maxMemoryBytes: CHILD_MEMORY_BYTES,
          },
          () => undefined,
        );
        return result.ok ? 'ACCEPTED' : result.error.code;
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
    stop: () => importer.stop(),
  };
}
