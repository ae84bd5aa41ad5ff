/** TensorFlow.js's own executor and kernels, in plain JavaScript: an independent second opinion on a graph. */
import type { ConvertedModel } from '../../src/importers/converted-model.js';
import { nodesOf } from '../../src/importers/converted-model.js';
import { provisionalSignature } from '../../src/importers/child/trial-signatures.js';
import { createGraphProgram } from '../../src/inference/worker/runtimes/graph-program.js';
import type { Tensor } from '../../src/lib/tensor.js';
import { tf } from './make-pack.js';

export interface Answer {
  readonly shape: readonly number[];
  readonly values: readonly (number | string)[];
}

/** @param inputs in the order of the signature */
export async function executed(model: ConvertedModel, inputs: readonly Tensor[]): Promise<readonly Answer[]> {
  const header = {
    kind: model.kind,
    modelTopology: model.modelTopology,
    weightSpecs: model.weights.map((weight) => weight.spec),
    signature: provisionalSignature(model),
    ...nodesOf(model),
    ...model.graph,
  };
  const program = await createGraphProgram(tf, header, Buffer.concat(model.weights.map((one) => one.read())));
  const given = inputs.map(({ shape, datatype, data }) => {
    const { buffer } = data.slice();
    return datatype === 'INT32'
      ? tf.tensor(new Int32Array(buffer), [...shape], 'int32')
      : tf.tensor(new Float32Array(buffer), [...shape]);
  });
  const made = await program.run(given);
  const answers = made.map((tensor) => ({ shape: [...tensor.shape], values: [...tensor.dataSync()] }));
  tf.dispose([...given, ...made]);
  program.dispose();
  return answers;
}
