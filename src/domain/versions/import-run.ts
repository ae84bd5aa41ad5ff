/** What one run of a publication was seen to do and find out: the report that its owner reads, also when it was refused. */
import type {
  EngineTrial,
  ImportFacts,
  ImportProgress,
  ModelFormat,
  SampleFindings,
} from '../../importers/index.js';
import type { RuntimeName } from '../../inference/index.js';
import type { Clock } from '../../lib/clock.js';
import type { PublicationPhase } from './publication.js';
import { trialsFromJson, type Version } from './version.js';

export interface PublicationReport {
  /** In order; the last one is where the run ended. */
  readonly phases: readonly { readonly phase: PublicationPhase; readonly ms: number }[];
  readonly totalMs: number;
  readonly peakMemoryBytes: number | null;
  /** `null` when the import's process was never started. */
  readonly networkCutOff: boolean | null;
  readonly format: ModelFormat | null;
  readonly producer: string | null;
  readonly packBytes: number | null;
  readonly weightBytes: number | null;
  readonly parameterCount: number | null;
  readonly operations: Version['operations'];
  readonly findings: readonly string[];
  readonly trials: readonly EngineTrial[];
  /** `null` when the trial ran made-up inputs, or none. */
  readonly sample: SampleFindings | null;
  /** The engine that the version was given to. */
  readonly runtime: RuntimeName | null;
}

export interface ImportRun {
  /** Begins the next phase; ends the one before. */
  enter(phase: PublicationPhase): void;
  /** Notes what the import says of itself. */
  note(progress: ImportProgress): void;
  /** Notes what is known from elsewhere. */
  learn(facts: ImportFacts): void;
  /** As of now. */
  report(): PublicationReport;
}

export function beginImportRun(clock: Pick<Clock, 'monotonicMs'>): ImportRun {
  const startedAtMs = clock.monotonicMs();
  const phases: { readonly phase: PublicationPhase; readonly atMs: number }[] = [];
  let facts: ImportFacts = {};

  function enter(phase: PublicationPhase): void {
    if (phases.at(-1)?.phase !== phase) phases.push({ phase, atMs: clock.monotonicMs() });
  }
  enter('STARTING');

  function learn(more: ImportFacts): void {
    facts = { ...facts, ...more };
  }

  return Object.freeze({
    enter,
    learn,
    note({ phase, facts: more }: ImportProgress) {
      enter(phase);
      if (more !== undefined) learn(more);
    },
    report(): PublicationReport {
      const nowMs = clock.monotonicMs();
      return {
        phases: phases.map(({ phase, atMs }, i) => ({
          phase,
          ms: rounded((phases[i + 1]?.atMs ?? nowMs) - atMs),
        })),
        totalMs: rounded(nowMs - startedAtMs),
        peakMemoryBytes: facts.peakMemoryBytes ?? null,
        networkCutOff: facts.network === undefined ? null : facts.network === 'none',
        format: facts.format ?? null,
        producer: facts.producer ?? null,
        packBytes: facts.packBytes ?? null,
        weightBytes: facts.weightBytes ?? null,
        parameterCount: facts.parameterCount ?? null,
        operations: facts.operations ?? [],
        findings: facts.notes ?? [],
        trials: facts.trials ?? [],
        sample: facts.sample ?? null,
        runtime: facts.runtime ?? null,
      };
    },
  });
}

/** As the table keeps it; `null` stays what it is. */
export function reportFromJson(json: unknown): PublicationReport | null {
  if (json === null || json === undefined) return null;
  const report = json as PublicationReport;
  // Those from before samples have none.
  const sample = report.sample as SampleFindings | null | undefined;
  return { ...report, trials: trialsFromJson(report.trials), sample: sample ?? null };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
