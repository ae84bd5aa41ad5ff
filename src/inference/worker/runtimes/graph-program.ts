/** A TensorFlow graph in tfjs form, through tfjs's graph executor. */
import type * as Tfjs from '@tensorflow/tfjs';
import type { PackHeader } from '../../pack.js';
import { memoryArtifacts } from './memory-artifacts.js';
import { ModelLoadError } from './runtime.js';
import type { Tf, TfProgram } from './tfjs-program.js';

/** How tfjs says that a graph has control flow or ops of unknown output size; it says so before it runs any. */
const NEEDS_ASYNC = /executeAsync\(\) instead/;

/** Tables and other resources that an initializer graph makes on the first run; private in tfjs's types. */
interface WithCapturedInputs {
  readonly resourceIdToCapturedInput?: Readonly<Record<number, Tfjs.Tensor>> | null;
}

export async function createGraphProgram(
  tf: Tf,
  header: PackHeader,
  weights: Uint8Array,
): Promise<TfProgram> {
  const model = await tf.loadGraphModel(tf.io.fromMemory(memoryArtifacts(header, weights)));
  for (const node of header.inputNodes) checkNode(node, model.inputs, 'input');
  const outputNodes = [...header.outputNodes];
  let isAsync = false;

  const execute = async (feeds: Tfjs.NamedTensorMap): Promise<Tfjs.Tensor | Tfjs.Tensor[]> => {
    if (!isAsync) {
      try {
        return model.execute(feeds, outputNodes);
      } catch (error) {
        if (!(error instanceof Error) || !NEEDS_ASYNC.test(error.message)) throw error;
        isAsync = true;
      }
    }
    return model.executeAsync(feeds, outputNodes);
  };

  return {
    weights: Object.values(model.weights).flat(),
    run: async (inputs) => {
      const feeds: Tfjs.NamedTensorMap = {};
      header.inputNodes.forEach((node, at) => {
        const input = inputs[at];
        if (input !== undefined) feeds[node] = input;
      });
      const made = await execute(feeds);
      // Made once, on the first run, inside a scope that would dispose them.
      const captured = (model as unknown as WithCapturedInputs).resourceIdToCapturedInput ?? {};
      for (const tensor of Object.values(captured)) tf.keep(tensor);
      return Array.isArray(made) ? made : [made];
    },
    dispose: () => {
      model.dispose();
    },
  };
}

function checkNode(
  node: string,
  known: readonly { readonly name: string }[],
  side: 'input' | 'output',
): void {
  const withoutIndex = (name: string): string => name.replace(/:\d+$/, '');
  if (known.some((tensor) => withoutIndex(tensor.name) === withoutIndex(node))) return;
  throw new ModelLoadError(
    `The graph has no ${side} ${node}; it has ${known.map(({ name }) => name).join(', ')}.`,
  );
}
