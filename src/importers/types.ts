/** What an import is asked and what it answers. Everything here is plain data: it crosses a process border. */
import type { RuntimeName } from '../inference/index.js';
import type { RawTensor } from '../lib/raw-tensor.js';
import type { Refusal } from '../lib/result.js';
import type { NamedSignature, Signature, TensorSpec } from '../lib/tensor.js';

export const MODEL_FORMATS = [
  'KERAS_H5',
  'KERAS_V3',
  'TFJS_LAYERS',
  'TFJS_GRAPH',
  'SAVED_MODEL',
  'ONNX',
] as const;
export type ModelFormat = (typeof MODEL_FORMATS)[number];

export interface ImportRequest {
  /** The uploaded bytes, on a path of ours; never a name that the user chose. */
  readonly artifactPath: string;
  /** An empty directory that the child may write to: the pack is left there as `model.pack`. */
  readonly workDirectory: string;
  /** Engines that may serve; each that can run the model is tried, the fastest that agrees is chosen. */
  readonly runtimes: readonly RuntimeName[];
  /** What the trial runs in place of made-up inputs, of the signature that answers by default. */
  readonly sample?: ImportSample;
  /**
   * From the start of the child to its answer; waiting for a turn does not count. Large files and large weights get
   * more (`import-deadline.ts`).
   */
  readonly timeoutMs: number;
  /** Resident memory above which the child is killed. */
  readonly maxMemoryBytes: number;
}

/** A call of the publisher's. Its sizes are bounded; what is in it, only the trial can tell. */
export interface ImportSample {
  readonly inputs: readonly RawTensor[];
  /** What the model must answer; an output that is not among them is not compared. */
  readonly outputs: readonly RawTensor[];
  /** How far a number may lie from the expected one: a share of it, and as much absolutely where it is below 1. */
  readonly tolerance: number;
}

/** What the trial made of the sample. */
export interface SampleFindings {
  /** In the order of the signature, with the sizes that were sent. */
  readonly inputs: readonly TensorSpec[];
  /** Names of the outputs that were compared. */
  readonly comparedOutputs: readonly string[];
  readonly tolerance: number;
  /** Of the chosen engine, in the measure of the tolerance; `null` when nothing was compared. */
  readonly largestDifference: number | null;
}

export const IMPORT_PHASES = ['READING', 'CHECKING', 'CONVERTING', 'TRYING'] as const;
export type ImportPhase = (typeof IMPORT_PHASES)[number];

export interface ImportProgress {
  readonly phase: ImportPhase;
  /** 0 to 1 over the whole import. */
  readonly fraction: number;
  /** What has been found out since the last time. Of a refused file nothing else is left. */
  readonly facts?: ImportFacts | undefined;
}

type Known<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What an import has found out so far. */
export type ImportFacts = Known<
  Pick<
    ImportReport,
    | 'format'
    | 'producer'
    | 'parameterCount'
    | 'weightBytes'
    | 'packBytes'
    | 'operations'
    | 'notes'
    | 'trials'
    | 'runtime'
    | 'sample'
  > & {
    /** The most memory that the process had in RAM at one time; `null` where the system does not tell. */
    readonly peakMemoryBytes: number | null;
    /** Whether the process has a network namespace without any interface. */
    readonly network: 'none' | 'host';
  }
>;

/** How one engine did in the trial run. */
export interface EngineTrial {
  readonly runtime: RuntimeName;
  readonly ok: boolean;
  /** Why it cannot serve; `null` when it can. */
  readonly reason: string | null;
  readonly loadMs: number | null;
  /** Bytes of tensors that the loaded model holds in this engine; `null` when it was not loaded. */
  readonly memoryBytes: number | null;
  /** Best of several runs with batch 1: the figure that a busy machine disturbs least. */
  readonly computeMs: number | null;
  /** Best of several runs of 32 rows at once; `null` when rows cannot share a run. */
  readonly batchComputeMs: number | null;
  /** Largest difference from the first engine's outputs, relative to their magnitude. */
  readonly maxRelativeDiff: number | null;
  /** Inputs on which it was compared with the first engine; `null` for that one, and when it cannot serve. */
  readonly comparedInputs: number | null;
}

export interface ImportReport {
  readonly format: ModelFormat;
  /** Who wrote the file, as far as it says: e.g. `keras 3.15.1`. */
  readonly producer: string | null;
  /** Of the first of `signatures`. */
  readonly signature: Signature;
  /** Every way to call it; the first answers when a prediction names none. */
  readonly signatures: readonly NamedSignature[];
  readonly runtime: RuntimeName;
  /** Rows of different requests may share a run: each comes out as it does alone, as the trial has shown. */
  readonly batchable: boolean;
  readonly trials: readonly EngineTrial[];
  readonly parameterCount: number;
  readonly weightBytes: number;
  /** Layers or graph ops with how often each occurs, most frequent first. */
  readonly operations: readonly { readonly name: string; readonly count: number }[];
  /** Full sentences that the owner should know: what was narrowed, ignored or assumed. */
  readonly notes: readonly string[];
  /** `null`: the trial ran made-up inputs. */
  readonly sample: SampleFindings | null;
  readonly packPath: string;
  readonly packBytes: number;
  /** SHA-256 of the pack, lower-case hex. */
  readonly packDigest: string;
  /** How the child was shut in: whether it had a network namespace of its own (without any interface). */
  readonly isolation: { readonly network: 'none' | 'host' };
}

export const IMPORT_REFUSAL_CODES = [
  'UNSUPPORTED_FORMAT',
  'CORRUPT_ARTIFACT',
  'UNSUPPORTED_LAYER',
  'UNSUPPORTED_OP',
  'UNSUPPORTED_TENSOR',
  'LIMIT_EXCEEDED',
  'TRIAL_FAILED',
  'SAMPLE_MISMATCH',
  'IMPORT_TIMED_OUT',
  'IMPORT_OUT_OF_MEMORY',
  'IMPORT_CRASHED',
  'IMPORT_QUEUE_FULL',
  'IMPORT_CANCELLED',
] as const;
export type ImportRefusalCode = (typeof IMPORT_REFUSAL_CODES)[number];

export type ImportRefusal = Refusal<ImportRefusalCode> & {
  /** The layer, op, tensor or file at fault. */
  readonly subject: string | null;
};
