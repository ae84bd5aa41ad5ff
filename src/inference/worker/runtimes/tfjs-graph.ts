/**
 * A SavedModel in one native call: TensorFlow's own session runs the whole graph, through tfjs-node's
 * binding and without tfjs itself. TensorFlow loads from a directory only, so the pack's files lie in a
 * private one for as long as loading takes.
 */
import { decodePack, packFiles, type PackHeader, type PackSignature } from '../../pack.js';
import type { Signature, Tensor } from '../../../lib/tensor.js';
import { loadBinding, type MadeTensor, type TensorflowBinding } from './tensorflow-binding.js';
import {
  EngineWornError,
  ModelLoadError,
  type LoadedModel,
  type Runtime,
  type RuntimeOptions,
} from './runtime.js';
import { loweredFiles } from './lowered-files.js';
import { clearLeftDirectories, withFiles } from './private-directory.js';
import { fromBinding, toBinding } from './tfjs-graph-tensors.js';

/**
 * A run that fails inside TensorFlow loses its inputs: the binding returns before it lets them go. A model that
 * fails on purpose would fill the memory so; at this much the worker is replaced, which counts as a crash of it.
 */
const MAX_LOST_BYTES = 256 * 1024 * 1024;

/** The tag that the importer gives the one graph in the SavedModel that it writes. */
const TAG = 'serve';

export function createTfjsGraphRuntime(options: RuntimeOptions = {}): Runtime {
  let binding: TensorflowBinding | null = null;
  let loadedBytes = 0;
  // Ours alone: what tfjs-node holds in the same worker is in its own count.
  let tensors = 0;
  let lostBytes = 0;

  const started = (): TensorflowBinding => {
    if (binding === null) throw new Error('The tfjs-graph engine was used before it was started.');
    return binding;
  };

  function load(pack: Uint8Array): LoadedModel {
    const native = started();
    const decoded = decodePack(pack);
    if (!decoded.ok) throw new ModelLoadError(decoded.error.message);
    const { weights } = decoded.value;
    const header = asGraph(decoded.value.header);
    checkHeader(header);
    const { lowered } = header;
    const files = lowered === undefined ? packFiles(header, weights) : loweredFiles(lowered, header, weights);
    const session = withFiles(files, options.temporaryDirectory, (directory) => {
      try {
        return native.loadSavedModel(directory, TAG);
      } catch (error) {
        // TensorFlow's messages name the directory, which is nobody's business.
        const message = error instanceof Error ? error.message : String(error);
        throw new ModelLoadError(
          message.replaceAll(directory, 'the model').replace(/^Failed to load SavedModel: /, ''),
        );
      }
    });
    // TensorFlow does not say what a session takes; its variables and constants are what the files hold.
    const bytes = [...files.values()].reduce((sum, file) => sum + file.byteLength, 0);
    loadedBytes += bytes;
    const own = callableOf(header);
    const others = new Map(header.otherSignatures?.map((other) => [other.name, callableOf(other)]));
    let disposed = false;

    function runGraph(
      inputs: readonly Tensor[],
      given: readonly number[],
      { inputNames, outputNames }: Callable,
    ): readonly MadeTensor[] {
      try {
        return native.runSavedModel(session, given, inputNames, outputNames);
      } catch (error) {
        lostBytes += inputs.reduce((sum, { data }) => sum + data.byteLength, 0);
        if (lostBytes <= MAX_LOST_BYTES) throw error;
        const message = error instanceof Error ? error.message : String(error);
        throw new EngineWornError(
          `Runs that failed have used up too much memory, the last one with: ${message}`,
        );
      }
    }

    function run(inputs: readonly Tensor[], signatureName: string | undefined): Tensor[] {
      if (disposed) throw new Error('The model was used after it had been let go.');
      const callable = signatureName === undefined ? own : others.get(signatureName);
      if (callable === undefined) throw new Error(`The model has no signature ${signatureName}.`);
      const given: number[] = [];
      let made: readonly MadeTensor[] = [];
      const letGo = (id: number): void => {
        native.deleteTensor(id);
        tensors--;
      };
      try {
        for (const [at, spec] of callable.signature.inputs.entries()) {
          const input = inputs[at];
          if (input === undefined) throw new Error(`Input ${spec.name} is missing.`);
          const { dtype, values } = toBinding(input, spec);
          given.push(native.createTensor(input.shape, dtype, values));
          tensors++;
        }
        made = runGraph(inputs, given, callable);
        tensors += made.length;
        return callable.signature.outputs.map((spec, at) => {
          const tensor = made[at];
          if (tensor === undefined) throw new Error(`The model gave no output ${spec.name}.`);
          return fromBinding(native.tensorDataSync(tensor.id), tensor, spec);
        });
      } finally {
        given.forEach(letGo);
        for (const { id } of made) letGo(id);
      }
    }

    return Object.freeze({
      bytes,
      // In a promise, so that what the library throws is a rejection.
      run: async (inputs: readonly Tensor[], signatureName?: string) => run(inputs, signatureName),
      dispose(): void {
        if (disposed) return;
        disposed = true;
        loadedBytes -= bytes;
        native.deleteSavedModel(session);
      },
    });
  }

  return Object.freeze({
    name: 'tfjs-graph' as const,
    async start(): Promise<void> {
      if (binding !== null) return;
      binding = loadBinding();
      clearLeftDirectories(options.temporaryDirectory);
    },
    load: async (pack: Uint8Array) => load(pack),
    memory: () => ({ tensors, bytes: loadedBytes }),
  });
}

/** A signature with the names of its tensors as the binding takes them. */
interface Callable {
  readonly signature: Signature;
  readonly inputNames: string;
  readonly outputNames: string;
}

function callableOf({ signature, inputNodes, outputNodes }: Omit<PackSignature, 'name'>): Callable {
  return { signature, inputNames: inputNodes.join(','), outputNames: outputNodes.join(',') };
}

/** A lowered model has names of its own for the tensors to feed and to fetch, in the signature's order. */
function asGraph(header: PackHeader): PackHeader {
  const { lowered } = header;
  if (lowered === undefined) return header;
  return {
    ...header,
    inputNodes: lowered.inputs.map(({ tensor }) => tensor),
    outputNodes: lowered.outputs.map(({ tensor }) => tensor),
  };
}

function checkHeader(header: PackHeader): void {
  if (header.kind !== 'saved-model' && header.lowered === undefined) {
    throw new ModelLoadError(
      `The pack is of the kind ${header.kind}, without a lowered graph; this engine runs TensorFlow graphs.`,
    );
  }
  for (const { signature, inputNodes, outputNodes } of [header, ...(header.otherSignatures ?? [])]) {
    const { inputs, outputs } = signature;
    if (inputNodes.length !== inputs.length || outputNodes.length !== outputs.length) {
      throw new ModelLoadError('The pack names another number of tensors than its signature.');
    }
    // The binding joins the names with commas.
    const misleading = [...inputNodes, ...outputNodes].find((node) => !/^[^,]+:\d+$/.test(node));
    if (misleading !== undefined) throw new ModelLoadError(`"${misleading}" is not the name of a tensor.`);
  }
}
