/**
 * The entire worker protocol: plain data, the same for a thread and for a child process. A worker serves
 * its messages one by one, in the order of arrival, and answers each request exactly once under its `id`.
 * Errors are flattened to refusals before they cross: no class, no stack, no path of ours.
 */
import type { Datatype } from '../lib/tensor.js';
import type { RunnableArtifact, RuntimeName } from './types.js';

/** What a worker is told when it starts. */
export interface WorkerSettings {
  readonly runtimes: readonly RuntimeName[];
  /** Models are unloaded, least recently used first, to stay under it. Measured, per worker. */
  readonly memoryBudgetBytes: number;
  /** Engines that are not to be loaded, because their library has crashed a process, each with the reason. */
  readonly unusable: readonly RuntimeReadiness[];
  /** Threads that one run may compute with. Default: what the environment says, else all cores. */
  readonly nativeThreads?: number;
}

/** A tensor on its way: the buffer is transferred, so the sender must not touch it afterwards. */
export interface WireTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: ArrayBuffer;
}

export type WorkerRequest =
  | {
      readonly type: 'infer';
      readonly id: number;
      readonly artifact: RunnableArtifact;
      /** In the order of the signature's inputs. */
      readonly inputs: readonly WireTensor[];
      /** Milliseconds left; when loading used them up, the run is not begun. */
      readonly remainingMs: number;
    }
  | { readonly type: 'load'; readonly id: number; readonly artifact: RunnableArtifact }
  | { readonly type: 'evict'; readonly id: number; readonly digest: string }
  | { readonly type: 'stats'; readonly id: number }
  /** Finish what came before, let go of everything, leave. */
  | { readonly type: 'stop'; readonly id: number };

export interface WireRefusal {
  readonly code: 'LOAD_FAILED' | 'RUNTIME_FAILED' | 'DEADLINE_EXCEEDED';
  readonly message: string;
}

export interface RuntimeReadiness {
  readonly runtime: RuntimeName;
  readonly available: boolean;
  /** Why it cannot be used here: one sentence; `null` when it can. */
  readonly reason: string | null;
}

export interface ResidentModel {
  readonly digest: string;
  readonly runtime: RuntimeName;
  /** Tensor memory, measured when it was loaded. */
  readonly bytes: number;
}

/** Memory as one engine in the worker reports it. */
export interface RuntimeMemory {
  readonly runtime: RuntimeName;
  readonly tensors: number;
  readonly bytes: number;
}

/** Answers to requests, by id. */
export type WorkerReply =
  | {
      readonly type: 'inferred';
      readonly id: number;
      /** In the order of the signature's outputs. */
      readonly outputs: readonly WireTensor[];
      readonly loadMs: number;
      readonly computeMs: number;
    }
  | { readonly type: 'loaded'; readonly id: number; readonly bytes: number; readonly loadMs: number }
  | {
      readonly type: 'refused';
      readonly id: number;
      readonly refusal: WireRefusal;
      /** The engine itself is damaged (e.g. an aborted WebAssembly instance): replace the worker. */
      readonly fatal: boolean;
    }
  | { readonly type: 'evicted'; readonly id: number }
  | { readonly type: 'stats'; readonly id: number; readonly memory: readonly RuntimeMemory[] }
  | { readonly type: 'stopped'; readonly id: number };

/** News without a request. */
export type WorkerNews =
  /** First message of a worker: it takes requests from now on. */
  | { readonly type: 'ready'; readonly runtimes: readonly RuntimeReadiness[] }
  /** Always sent before the reply of the request that changed it. */
  | { readonly type: 'residents'; readonly models: readonly ResidentModel[] }
  /** The request in progress must load its model first. */
  | { readonly type: 'loading'; readonly id: number }
  /** Loading is over, the run begins. Not sent when the model was resident. */
  | { readonly type: 'computing'; readonly id: number };

export type WorkerMessage = WorkerReply | WorkerNews;
