/** Packs for tests: real models, made with tfjs or taken from public packages, as an import would write them. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Tfjs from '@tensorflow/tfjs';
import {
  encodePackHeader,
  type PackHeader,
  type RunnableArtifact,
  type RuntimeName,
} from '../../src/inference/index.js';
import { hasBatchDimension, type Signature, type Tensor } from '../../src/lib/tensor.js';

const require = createRequire(import.meta.url);

/** tfjs in the test's own process, on its plain JavaScript backend: the independent second opinion. */
export const tf = require('@tensorflow/tfjs') as typeof Tfjs;

export interface TestPack {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly signature: Signature;
}

export function packOf(header: PackHeader, weights: Uint8Array): TestPack {
  const bytes = Buffer.concat([encodePackHeader(header), weights]);
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex'), signature: header.signature };
}

/** Writes the pack to a directory as an artifact that a worker can load. */
export function artifactIn(directory: string, pack: TestPack, runtime: RuntimeName): RunnableArtifact {
  const path = join(directory, `${pack.digest}.pack`);
  writeFileSync(path, pack.bytes);
  return { digest: pack.digest, path, runtime, batchable: hasBatchDimension(pack.signature) };
}

/** The pack of a tfjs layers model; all its inputs and outputs are FP32. */
export async function layersPack(model: Tfjs.LayersModel): Promise<TestPack> {
  let saved: Tfjs.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = artifacts;
      return Promise.resolve({
        modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const },
      });
    }),
  );
  if (saved?.weightSpecs === undefined) throw new Error('tfjs saved no weights.');
  // Several outputs of one layer share its name; a signature's names are unique.
  const specs = (tensors: readonly Tfjs.SymbolicTensor[]): Signature['inputs'] =>
    tensors.map((tensor, at) => ({
      name: `${tensor.sourceLayer.name}${at === 0 ? '' : `_${at}`}`,
      datatype: 'FP32' as const,
      shape: tensor.shape.map((dimension) => dimension ?? -1),
    }));
  const header: PackHeader = {
    kind: 'tfjs-layers',
    modelTopology: saved.modelTopology,
    weightSpecs: saved.weightSpecs,
    signature: {
      inputs: specs(model.inputs),
      outputs: specs(model.outputs),
    },
    inputNodes: model.inputs.map((tensor) => tensor.sourceLayer.name),
    outputNodes: model.outputs.map((tensor) => tensor.sourceLayer.name),
  };
  return packOf(header, new Uint8Array(saved.weightData as ArrayBuffer));
}

/** 4 -> 3, softmax. */
export function denseModel(): Tfjs.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [4], units: 8, activation: 'relu' }),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}

/** 8x8x1 -> conv, pool, dense 5. */
export function convModel(): Tfjs.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 8, 1],
        filters: 4,
        kernelSize: 3,
        activation: 'relu',
        padding: 'same',
      }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 5 }),
    ],
  });
}

interface GraphModelJson {
  readonly modelTopology: unknown;
  readonly signature?: {
    readonly inputs: Readonly<Record<string, GraphTensorInfo>>;
    readonly outputs: Readonly<Record<string, GraphTensorInfo>>;
  };
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: PackHeader['weightSpecs'];
  }[];
}
interface GraphTensorInfo {
  readonly name: string;
  readonly dtype: string;
  readonly tensorShape: { readonly dim?: readonly { readonly size: string }[] };
}

/** A public TFJS graph model from the package `@vladmandic/human`, by name. */
export function humanPack(name: string): TestPack {
  const folder = fileURLToPath(new URL('../../node_modules/@vladmandic/human/models', import.meta.url));
  const json = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as GraphModelJson;
  const { signature } = json;
  if (signature === undefined) throw new Error(`${name} has no signature.`);
  const sides = (side: Readonly<Record<string, GraphTensorInfo>>): Signature['inputs'] =>
    Object.entries(side).map(([tensorName, info]) => ({
      name: tensorName,
      // tfjs holds 8-bit images as int32.
      datatype: info.dtype === 'DT_FLOAT' ? ('FP32' as const) : ('INT32' as const),
      shape: (info.tensorShape.dim ?? []).map(({ size }) => Number(size)),
    }));
  const files = json.weightsManifest.flatMap(({ paths }) => paths);
  const header: PackHeader = {
    kind: 'tfjs-graph',
    modelTopology: json.modelTopology,
    weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights),
    signature: { inputs: sides(signature.inputs), outputs: sides(signature.outputs) },
    inputNodes: Object.values(signature.inputs).map((info) => info.name),
    outputNodes: Object.values(signature.outputs).map((info) => info.name),
    graphSignature: signature,
  };
  return packOf(header, Buffer.concat(files.map((file) => readFileSync(join(folder, file)))));
}

export function fp32(name: string, shape: readonly number[], values: ArrayLike<number>): Tensor {
  return { name, datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

/** The values of an FP32 tensor. */
export function valuesOf(tensor: Tensor | undefined): number[] {
  if (tensor === undefined) throw new Error('There is no such tensor.');
  return [...new Float32Array(new Uint8Array(tensor.data).buffer)];
}
