/** What an engine must offer to run in a worker. One worker may host several; calls never overlap. */
import type { Tensor } from '../../../lib/tensor.js';
import type { RuntimeName } from '../../types.js';

export interface LoadedModel {
  /** Tensor memory that the model holds, measured while it was loaded. */
  readonly bytes: number;
  /**
   * @param inputs in the order of the signature; their memory belongs to the engine from then on
   * @param signatureName one of the pack's other signatures, on engines that know several; absent: the pack's own
   * @returns in the order of the signature's outputs; each has a buffer of its own
   * @throws when the engine fails; the model stays usable unless `isFatalEngineError` says otherwise
   */
  run(inputs: readonly Tensor[], signatureName?: string): Promise<Tensor[]>;
  dispose(): void;
}

export interface EngineMemory {
  readonly tensors: number;
  readonly bytes: number;
}

export interface RuntimeOptions {
  /** Where an engine may lay files that its library must read from a directory. Default: the system's. */
  readonly temporaryDirectory?: string;
}

export interface Runtime {
  readonly name: RuntimeName;
  /**
   * Loads the engine's library. Idempotent.
   * @throws EngineUnavailableError with one sentence for the operator
   */
  start(): Promise<void>;
  /**
   * @param pack a whole pack, digest already checked; not kept
   * @throws ModelLoadError when the pack does not fit this engine, or what the engine threw
   */
  load(pack: Uint8Array): Promise<LoadedModel>;
  memory(): EngineMemory;
}

/** The engine's library cannot be used on this machine. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
}

/** The pack is not something that this engine can run; the message names what is wrong. */
export class ModelLoadError extends Error {
  override readonly name = 'ModelLoadError';
}

/** The engine still computes, but has lost memory that only the end of its worker gives back. */
export class EngineWornError extends Error {
  override readonly name = 'EngineWornError';
}

/**
 * True when the engine's own state can no longer be trusted: a WebAssembly instance that aborted or
 * trapped leaves its heap as it was at that moment, so every later answer would be doubtful. Or when it has lost
 * so much memory that its worker must be replaced.
 */
export function isFatalEngineError(error: unknown): boolean {
  // WebAssembly.RuntimeError by name: it is the class of all traps and aborts, and Node's types lack it.
  return error instanceof EngineWornError || (error instanceof Error && error.name === 'RuntimeError');
}
