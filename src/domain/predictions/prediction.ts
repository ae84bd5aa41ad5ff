import type { Priority, RunnableArtifact, RuntimeName } from '../../inference/index.js';
import type { Signature, Tensor } from '../../lib/tensor.js';
import type { EntitlementFacts } from '../marketplace/index.js';
import type { LimitLeft } from '../metering/index.js';
import type { VersionYanked } from '../versions/index.js';
import type { RawTensor } from '../../lib/raw-tensor.js';

/** One run of a version that was answered and charged. */
export interface Prediction {
  /** Starts with `prd_`; also the id of its usage event. */
  readonly id: string;
  readonly versionId: string;
  /** The answer in the signature's order; `null` when it is not at hand: see `hasKeptOutputs`. */
  readonly outputs: readonly Tensor[] | null;
  /** Whether the answer was kept with an idempotency key, so that `readKeptOutputs` finds it. */
  readonly hasKeptOutputs: boolean;
  /** What it left under each HARD limit; `null`: it was answered before. */
  readonly limits: readonly LimitLeft[] | null;
  readonly receipt: Receipt;
  readonly createdAt: Date;
}

/** An amount of money, exact. */
export interface Money {
  /** Millionths of the currency. */
  readonly amountMicros: number;
  /** ISO 4217. */
  readonly currency: string;
}

/** The record of one prediction. */
export interface Receipt {
  readonly requestId: string;
  /** `owner/name`. */
  readonly model: string;
  readonly versionId: string;
  readonly versionNumber: number;
  /** Of the artifact as uploaded, lower-case hex. */
  readonly sha256: string;
  /** That was followed to the version; `null`: it was asked for by number, by id or as the newest. */
  readonly alias: string | null;
  readonly runtime: RuntimeName;
  readonly worker: string;
  /** Requests that shared the run, and the rows of all of them. */
  readonly batchSize: number;
  readonly batchRows: number;
  /** Of this request. */
  readonly rows: number;
  readonly queueMs: number;
  /** Of `queueMs`. */
  readonly batchMs: number;
  readonly loadMs: number;
  readonly computeMs: number;
  /** Units charged for this reply; 0 when it was replayed. */
  readonly charged: number;
  readonly replayed: boolean;
  /** Charged for this reply under the tenant's subscription; nothing when it was replayed. `null`: without one. */
  readonly cost: Money | null;
  /** `null`: unlimited, or read later. */
  readonly remaining: number | null;
}

/** What to run; exactly one is given. */
export type PredictTarget =
  | { readonly versionId: string }
  | { readonly modelId: string }
  /** `owner/name`, `owner/name:3` or `owner/name@production`. */
  | { readonly model: string }
  | { readonly alias: { readonly modelId: string; readonly name: string } };

export interface PredictCommand {
  readonly target: PredictTarget;
  /** Which of the version's signatures; `null` or absent: the one that answers by default. */
  readonly signature?: string | null | undefined;
  readonly inputs: readonly RawTensor[];
  readonly idempotencyKey: string | null;
  /** `null`: the server's default. */
  readonly timeoutMs: number | null;
  /** Among the predictions of the same tenant; NORMAL when absent. */
  readonly priority?: Priority;
}

/** A version with all that a prediction needs to know, as one statement reads it. */
export interface RunnableVersion {
  readonly id: string;
  readonly number: number;
  readonly digest: string;
  /** Its pack on this machine, the engine that serves it here and now, and whether requests may share a run. */
  readonly artifact: RunnableArtifact;
  readonly signature: Signature;
  /** What the signature is called; `signatures` has this version once for each, with its artifact to match. */
  readonly signatureName: string;
  readonly signatures: ReadonlyMap<string, RunnableVersion>;
  readonly modelId: string;
  /** `owner/name`. */
  readonly modelName: string;
  /** Of a run of one row in the engine that serves it, when it was published; `null`: not measured. */
  readonly measuredMs: number | null;
  readonly facts: EntitlementFacts;
  /** Why who asked with this reference may not run it; `null` when nothing stands against it. */
  readonly yanked: VersionYanked | null;
}

/** What a prediction costs, in the units of quotas. */
export const UNITS_PER_PREDICTION = 1;
