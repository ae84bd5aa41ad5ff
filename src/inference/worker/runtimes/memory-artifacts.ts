import type * as Tfjs from '@tensorflow/tfjs';
import type { PackHeader } from '../../pack.js';

/**
 * What `tf.io.fromMemory` takes. The weights are copied into a buffer of their own, because tfjs reads the
 * whole buffer of a view and would start in the pack's header.
 */
export function memoryArtifacts(header: PackHeader, weights: Uint8Array): Tfjs.io.ModelArtifacts {
  // The header is JSON that our own import wrote; tfjs checks what it uses of it.
  return {
    modelTopology: header.modelTopology as object,
    weightSpecs: header.weightSpecs.map((spec) => ({
      ...spec,
      shape: [...spec.shape],
    })),
    weightData: new Uint8Array(weights).buffer,
    ...(header.graphSignature ? { signature: header.graphSignature } : {}),
    ...(header.initializerSignature ? { initializerSignature: header.initializerSignature } : {}),
    ...(header.initializer ? { modelInitializer: header.initializer } : {}),
  };
}
