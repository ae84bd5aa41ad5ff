/** The border between the two kinds of tfjs model and what runs them. */
import type * as Tfjs from '@tensorflow/tfjs';

export type Tf = typeof Tfjs;

/** A tfjs model of either kind, with its inputs and outputs in the order of the signature. */
export interface TfProgram {
  /** Tensors that it owns, so that their memory is never given away. */
  readonly weights: readonly Tfjs.Tensor[];
  run(inputs: readonly Tfjs.Tensor[]): Promise<Tfjs.Tensor[]>;
  dispose(): void;
}
