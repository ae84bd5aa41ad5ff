/** The front door of the inference machine. Nothing here loads an engine: engines live in workers. */
export * from './types.js';
export * from './pack.js';
export { decodeBytesElements, encodeBytesElements, splitOnBatchAxis } from './tensors.js';
export { InferenceEngine } from './engine.js';
export type { IsolationKind, IsolationWalls } from './isolation.js';
export type { EngineOptions } from './engine-options.js';
export type {
  PoolCounters,
  PoolStats,
  QuarantineStats,
  QueueStats,
  ResidentStats,
  WorkerStats,
} from './pool-stats.js';
export type { ResidentModel, RuntimeMemory, RuntimeReadiness } from './messages.js';
export type { WorkerMemory } from './worker-slots.js';
export { SILENT_ENGINES } from './native-environment.js';
