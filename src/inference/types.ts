/** What the pool is asked and what it answers: the border between the domain and the machine. */
import type { Refusal } from '../lib/result.js';
import type { Signature, Tensor } from '../lib/tensor.js';

/**
 * The engines that can run a version. `tfjs-node`: TensorFlow through tfjs-node's executor and layers.
 * `tfjs-wasm`: the same API compiled to WebAssembly, no native code. `onnx`: ONNX Runtime's C++ library, for
 * models published as ONNX.
 */
export const RUNTIMES = ['tfjs-node', 'tfjs-wasm', 'onnx'] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

/** A runnable file on this machine: the canonical pack that an import wrote, named by its digest. */
export interface RunnableArtifact {
  /** SHA-256 of the pack, lower-case hex. The worker refuses to load bytes that hash to anything else. */
  readonly digest: string;
  readonly path: string;
  readonly runtime: RuntimeName;
}

export interface InferenceJob {
  readonly artifact: RunnableArtifact;
  readonly signature: Signature;
  /** Already checked against the signature, in the signature's order. */
  readonly inputs: readonly Tensor[];
  /** Opaque: the pool shares its queue fairly between keys and knows nothing else of them. */
  readonly fairnessKey: string;
  /** Everything together: waiting, loading, computing. */
  readonly timeoutMs: number;
  /** Fires when the caller has gone; a queued job then leaves the queue. */
  readonly signal?: AbortSignal;
}

export interface InferenceTimings {
  readonly queueMs: number;
  readonly loadMs: number;
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
