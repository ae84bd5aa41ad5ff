/** What the pool is asked and what it answers: the border between the domain and the machine. */
import type { Refusal } from '../lib/result.js';
import type { Signature, Tensor } from '../lib/tensor.js';

/**
 * The engines that can run a version. `tfjs-graph`: a whole TensorFlow graph in one native call. `tfjs-node`:
 * TensorFlow through tfjs-node's executor and layers. `tfjs-wasm`: the same API compiled to WebAssembly, no native
 * code. `onnx`: ONNX Runtime's C++ library, for models published as ONNX.
 */
export const RUNTIMES = ['tfjs-graph', 'tfjs-node', 'tfjs-wasm', 'onnx'] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

/** A runnable file on this machine: the canonical pack that an import wrote, named by its digest. */
export interface RunnableArtifact {
  /** SHA-256 of the pack, lower-case hex. The worker refuses to load bytes that hash to anything else. */
  readonly digest: string;
  readonly path: string;
  readonly runtime: RuntimeName;
  /** Requests may be joined on the first axis: each row's answer depends on that row alone. */
  readonly batchable: boolean;
  /** Which of the pack's signatures is called. Absent: its own. All of them share one model in memory. */
  readonly signatureName?: string;
}

/** The order inside one fairness key; it never takes a turn from another key. */
export const PRIORITIES = ['LOW', 'NORMAL', 'HIGH'] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface InferenceJob {
  readonly artifact: RunnableArtifact;
  readonly signature: Signature;
  /** Already checked against the signature, in the signature's order. */
  readonly inputs: readonly Tensor[];
  /** On the batch axis; 1 without one. */
  readonly rows: number;
  readonly priority: Priority;
  /** Opaque: the pool shares its queue fairly between keys and knows nothing else of them. */
  readonly fairnessKey: string;
  /** Share of the fairness key in measured compute time; 1 is normal, 2 gets twice as much. */
  readonly weight: number;
  /** Everything together: waiting, loading, computing. */
  readonly timeoutMs: number;
  /** Fires when the caller has gone; a queued job then leaves the queue. */
  readonly signal?: AbortSignal;
}

export interface InferenceTimings {
  /** From admission until the request was picked for a run. */
  readonly queueMs: number;
  /** Of `queueMs`: the part in which a worker stood ready and the request waited only for company. */
  readonly batchMs: number;
  readonly loadMs: number;
  /** Of the whole run, which `batchSize` requests shared. */
  readonly computeMs: number;
}

export interface InferenceReply {
  /** In the order of the signature's outputs. */
  readonly outputs: readonly Tensor[];
  readonly timings: InferenceTimings;
  readonly runtime: RuntimeName;
  readonly worker: string;
  /** Requests that shared the run. */
  readonly batchSize: number;
  /** Rows of all of them together. */
  readonly batchRows: number;
}

/** What loading a model ahead of its first prediction came to. */
export interface WarmReply {
  /** Tensor memory that the model holds, measured. */
  readonly bytes: number;
  /** 0 when it was loaded already. */
  readonly loadMs: number;
  readonly runtime: RuntimeName;
  readonly worker: string;
}

export type InferenceRefusal =
  | (Refusal<'OVERLOADED'> & { readonly retryAfterMs: number })
  | Refusal<'DEADLINE_EXCEEDED'>
  | Refusal<'CANCELLED'>
  | Refusal<'WORKER_LOST'>
  | Refusal<'LOAD_FAILED'>
  | Refusal<'RUNTIME_FAILED'>;
