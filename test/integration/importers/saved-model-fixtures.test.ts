/**
 * Layers that tfjs-layers lacks, as SavedModels, give what TensorFlow itself gave: what the refusal of their .keras files
 * advises works.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { bufferSource } from '../../../src/importers/byte-source.js';
import type { OtherSignature } from '../../../src/importers/converted-model.js';
import { createImporter } from '../../../src/importers/index.js';
import { readSavedModel } from '../../../src/importers/saved-model.js';
import { attrOf, type AttrValue } from '../../../src/importers/tensorflow-proto.js';
import type { LoadedModel } from '../../../src/inference/worker/runtimes/index.js';
import type { Signature } from '../../../src/lib/tensor.js';
import { packOf } from '../../support/make-pack.js';
import { createEngines, importBytes, reportOf } from '../../support/importing.js';
import {
  editedSavedModel,
  recordedRuns,
  savedModelFiles,
  type RecordedRun,
  zipOfFiles,
} from '../../support/saved-models.js';
import { expectClose } from '../../support/close-tensors.js';

const importer = createImporter();
const engines = createEngines();
afterAll(() => importer.stop());

// The others go through the whole API in `test/e2e/saved-models.test.ts`.
const NAMES = ['keras-attention', 'keras-gru', 'keras-multihead-attention'];

describe('the answers are those of TensorFlow', () => {
  it.each(NAMES)('%s', async (name) => {
    const bytes = zipOfFiles(savedModelFiles(`saved-model/${name}`), `${name}/`);
    const imported = await importBytes(importer, bytes, { runtimes: ['tfjs-graph'] });
    const report = reportOf(imported);
    const model = await engines.load('tfjs-graph', imported.pack as Uint8Array);
    const runs = recordedRuns(name);
    // Keras exports its one signature a second time, as "serve".
    const names = report.signatures.map((signature) => signature.name).filter((found) => found !== 'serve');
    expect(names.sort()).toEqual(Object.keys(runs).sort());
    for (const [at, { name: signature, signature: called }] of report.signatures.entries()) {
      await expectRecorded(model, runs[signature] ?? [], called.inputs, at === 0 ? undefined : signature);
    }
    model.dispose();
  });
});

async function expectRecorded(
  model: LoadedModel,
  runs: readonly RecordedRun[],
  specs: Signature['inputs'],
  signature: string | undefined,
): Promise<void> {
  for (const { inputs, outputs } of runs) {
    const given = specs.map((spec) => {
      const found = inputs.find((input) => input.name === spec.name);
      if (found === undefined) throw new Error(`The recorded run has no input ${spec.name}.`);
      expect(found.datatype).toBe(spec.datatype);
      return { ...found, data: found.data.slice() };
    });
    const answers = await model.run(given, signature);
    expect(answers.map((answer) => answer.name).sort()).toEqual(outputs.map((output) => output.name).sort());
    for (const answer of answers) {
      expectClose(
        answer,
        outputs.find((output) => output.name === answer.name),
      );
    }
  }
}

describe('constants that became variables', () => {
  /** As `readSavedModel` does it with hundreds of MiB of them, here with every one that is a block of bytes. */
  const ALL = { keptBytes: 0, largeBytes: 1 };

  /** Single numbers as blocks of bytes: TensorFlow writes them as lists of one, and reads both. */
  const written = (constant: AttrValue | null): void => {
    // What protobufjs gives, which a test changes in place.
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    const tensor = constant?.tensor as any;
    const { floatVal = [], intVal = [] } = tensor ?? {};
    if (tensor?.dtype === 1 && floatVal.length === 1 && tensor.tensorShape.dim.length === 0) {
      tensor.tensorContent = Buffer.from(Float32Array.from(floatVal).buffer);
      tensor.floatVal = [];
    }
    if (tensor?.dtype === 3 && intVal.length === 1 && tensor.tensorShape.dim.length === 0) {
      tensor.tensorContent = Buffer.from(Int32Array.from(intVal).buffer);
      tensor.intVal = [];
    }
  };

  it.each(['control', 'tf1', 'text', 'signatures'])('leave the answers of %s as they were', async (name) => {
    const files = editedSavedModel(`saved-model/${name}`, ({ nodes, functions }) => {
      const all = [...nodes, ...functions.flatMap(({ nodeDef }) => nodeDef)];
      for (const node of all.filter(({ op }) => op === 'Const')) written(attrOf(node, 'value'));
    });
    const archive = {
      folder: '',
      files: new Map([...files].map(([file, bytes]) => [file, bufferSource(bytes)])),
    };
    const moved = readSavedModel(archive, '', ALL);
    const kept = readSavedModel(archive, '');
    const ports = ({ inputs, outputs }: OtherSignature) => ({
      signature: {
        inputs: inputs.map((tensor) => ({ ...tensor, shape: tensor.shape ?? [] })),
        outputs: outputs.map((tensor) => ({ ...tensor, shape: tensor.shape ?? [] })),
      },
      inputNodes: inputs.map(({ node }) => node),
      outputNodes: outputs.map(({ node }) => node),
    });
    const others = moved.otherSignatures ?? [];
    const packed = moved.files ?? [];
    const header = {
      kind: 'saved-model' as const,
      modelTopology: null,
      weightSpecs: [],
      files: packed.map(({ name: file, byteLength }) => ({ name: file, byteLength })),
      ...ports({ ...moved, name: '' }),
      otherSignatures: others.map((other) => ({ name: other.name, ...ports(other) })),
    };
    const weights = Buffer.concat(packed.flatMap((file) => [...file.read()]));
    const model = await engines.load('tfjs-graph', packOf(header, weights).bytes);
    const graphBytes = ({ files: [graph] = [] }: typeof moved) => graph?.byteLength ?? 0;
    expect(moved.parameters).toBe(kept.parameters);
    // Something was moved: a graph with handles in the place of constants is another one.
    expect(graphBytes(moved)).not.toBe(graphBytes(kept));
    const runs = recordedRuns(name);
    const [first, ...rest] = [moved.signatureName ?? 'serving_default', ...others.map((other) => other.name)];
    await expectRecorded(model, runs[first] ?? [], header.signature.inputs, undefined);
    for (const other of header.otherSignatures.filter((item) => rest.includes(item.name))) {
      await expectRecorded(model, runs[other.name] ?? [], other.signature.inputs, other.name);
    }
    model.dispose();
  });
});
