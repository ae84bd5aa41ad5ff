/** A Keras model through tfjs-layers. */
import type * as Tfjs from '@tensorflow/tfjs';
import type { PackHeader } from '../../pack.js';
import { ModelLoadError } from './runtime.js';
import type { Tf, TfProgram } from './tfjs-program.js';
import { memoryArtifacts } from './memory-artifacts.js';

export async function createLayersProgram(
  tf: Tf,
  header: PackHeader,
  weights: Uint8Array,
): Promise<TfProgram> {
  const model = await tf.loadLayersModel(tf.io.fromMemory(memoryArtifacts(header, weights)));
  const inputAt = positions(header.inputNodes, model.inputs, 'input');
  const outputAt = positions(header.outputNodes, model.outputs, 'output');

  return {
    weights: model.weights.map((weight) => weight.read()),
    run: (inputs) => {
      const ordered: Tfjs.Tensor[] = [];
      inputs.forEach((input, at) => {
        ordered[inputAt[at] ?? at] = input;
      });
      const made = model.predictOnBatch(ordered);
      // A stateful layer would carry one caller's data into the next one's answer.
      if (model.stateful) model.resetStates();
      const outputs = Array.isArray(made) ? made : [made];
      return Promise.resolve(outputAt.map((at) => outputs[at]).filter((output) => output !== undefined));
    },
    dispose: () => {
      model.dispose();
    },
  };
}

/** Where each node of the pack stands in the model: by layer name, else by tensor name. */
function positions(
  nodes: readonly string[],
  tensors: readonly Tfjs.SymbolicTensor[],
  side: 'input' | 'output',
): number[] {
  // Not model.inputNames: a Sequential model leaves it empty.
  const layerNames = tensors.map((tensor) => tensor.sourceLayer.name);
  // Several outputs of one layer share its name, and then only the order tells them apart.
  if (nodes.length === layerNames.length && nodes.every((node, at) => node === layerNames[at])) {
    return nodes.map((_, at) => at);
  }
  return nodes.map((node) => {
    const byLayer = layerNames.indexOf(node);
    const at = byLayer >= 0 ? byLayer : tensors.findIndex((tensor) => tensor.name === node);
    if (at < 0) {
      throw new ModelLoadError(`The model has no ${side} ${node}; it has ${layerNames.join(', ')}.`);
    }
    return at;
  });
}
