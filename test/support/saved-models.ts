/** SavedModels for tests: taken from the fixtures, changed, packed as people pack them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  decodeProto,
  encodeProto,
  type AttrEntry,
  type FunctionProto,
  type NodeProto,
} from '../../src/importers/tensorflow-proto.js';
import { encodeBytesElements } from '../../src/inference/tensors.js';
import type { Datatype, Tensor } from '../../src/lib/tensor.js';
import { tarOf } from './archives.js';
import { zipOf } from './zip.js';

export type Files = Map<string, Buffer>;

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer I)[] ? I[] : T[K] };
type EditableNode = Mutable<NodeProto>;
type EditableFunction = Omit<Mutable<FunctionProto>, 'nodeDef'> & { nodeDef: EditableNode[] };

/** The decoded graph, for a test to change in place. */
export interface EditableGraph {
  readonly nodes: EditableNode[];
  readonly functions: EditableFunction[];
  // The rest of the message, as protobufjs gives it.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly meta: any;
}

export function savedModelFiles(name: string): Files {
  const folder = fileURLToPath(new URL(`../fixtures/${name}/`, import.meta.url));
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length), readFileSync(path)];
      }),
  );
}

export interface RecordedRun {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

interface RecordedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Base64, or for strings a list of it. */
  readonly data: string | readonly string[];
}

const DATATYPES: Readonly<Record<string, Datatype>> = {
  bool: 'BOOL',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
};

/** What TensorFlow answered, by signature: `saved-model/NAME.io.json`. */
export function recordedRuns(name: string): Readonly<Record<string, readonly RecordedRun[]>> {
  const path = fileURLToPath(new URL(`../fixtures/saved-model/${name}.io.json`, import.meta.url));
  type Side = Readonly<Record<string, RecordedTensor>>;
  const { signatures } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly signatures: Readonly<
      Record<string, readonly { readonly inputs: Side; readonly outputs: Side }[]>
    >;
  };
  const tensors = (side: Side): Tensor[] =>
    Object.entries(side).map(([tensor, { dtype, shape: sizes, data }]) => ({
      name: tensor,
      datatype: DATATYPES[dtype] ?? (dtype.toUpperCase() as Datatype),
      shape: sizes,
      data: new Uint8Array(
        typeof data === 'string'
          ? Buffer.from(data, 'base64')
          : encodeBytesElements(data.map((text) => Buffer.from(text, 'base64'))),
      ),
    }));
  return Object.fromEntries(
    Object.entries(signatures).map(([signature, runs]) => [
      signature,
      runs.map(({ inputs, outputs }) => ({ inputs: tensors(inputs), outputs: tensors(outputs) })),
    ]),
  );
}

/** A fixture with its graph edited. */
export function editedSavedModel(name: string, edit: (graph: EditableGraph) => void): Files {
  const files = savedModelFiles(name);
  files.set('saved_model.pb', editedGraph(files.get('saved_model.pb') ?? Buffer.alloc(0), edit));
  return files;
}

export function editedGraph(bytes: Buffer, edit: (graph: EditableGraph) => void): Buffer {
  // A message's own type would be protobufjs's, without fields.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  const message = decodeProto('SavedModel', bytes, 'saved_model.pb') as any;
  const meta = message.metaGraphs[0];
  edit({ nodes: meta.graphDef.node, functions: meta.graphDef.library?.function ?? [], meta });
  return Buffer.from(encodeProto('SavedModel', message));
}

export function zipOfFiles(files: Files, folder = 'model/'): Buffer {
  return zipOf([...files].map(([name, data]) => ({ name: `${folder}${name}`, data })));
}

export function tarOfFiles(files: Files, gzip = true): Promise<Buffer> {
  return tarOf(
    [...files].map(([name, data]) => ({ header: { name: `model/${name}` }, data })),
    gzip,
  );
}

export function nodeOf(name: string, op: string, input: readonly string[] = [], attr: AttrEntry[] = []) {
  return { name, op, input: [...input], device: '', attr };
}

export const typeAttr = (key: string, type: number): AttrEntry => ({ key, value: { type } });

export interface TensorOf {
  readonly key: string;
  /** `node:0`. */
  readonly name: string;
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** A SavedModel without variables, of these nodes. */
export function smallSavedModel(
  nodes: readonly NodeProto[],
  inputs: readonly TensorOf[],
  outputs: readonly TensorOf[],
  signatures: readonly string[] = ['serving_default'],
): Files {
  const info = ({ key, name, dtype, shape }: TensorOf) => ({
    key,
    value: { name, dtype, tensorShape: { dim: shape.map((size) => ({ size })) } },
  });
  const graph = encodeProto('SavedModel', {
    savedModelSchemaVersion: 1,
    metaGraphs: [
      {
        metaInfoDef: { tags: ['serve'] },
        graphDef: { node: nodes, versions: { producer: 1087 } },
        signatureDef: signatures.map((key) => ({
          key,
          value: { inputs: inputs.map(info), outputs: outputs.map(info) },
        })),
      },
    ],
  });
  return new Map([['saved_model.pb', Buffer.from(graph)]]);
}

/** y = op(x) for each dtype given, with inputs `x0`, `x1`, … and outputs `y0`, `y1`, … */
export function elementwise(op: string, dtypes: readonly number[]): Files {
  const rows = [-1, 2];
  const shape: AttrEntry = {
    key: 'shape',
    value: { shape: { dim: rows.map((size) => ({ size })), unknownRank: false } },
  };
  return smallSavedModel(
    dtypes.flatMap((dtype, at) => [
      nodeOf(`in${at}`, 'Placeholder', [], [typeAttr('dtype', dtype), shape]),
      nodeOf(`out${at}`, op, [`in${at}`], [typeAttr('T', dtype)]),
    ]),
    dtypes.map((dtype, at) => ({ key: `x${at}`, name: `in${at}:0`, dtype, shape: rows })),
    dtypes.map((dtype, at) => ({ key: `y${at}`, name: `out${at}:0`, dtype, shape: rows })),
  );
}

/** What the hostile tests change: the dense fixture. */
export const DENSE = 'saved-model/dense';
export const edited = (edit: (graph: EditableGraph) => void) => () =>
  zipOfFiles(editedSavedModel(DENSE, edit));
export const withFiles = (edit: (files: Files) => void) => () => {
  const files = savedModelFiles(DENSE);
  edit(files);
  return zipOfFiles(files);
};

export const served = (graph: EditableGraph) => {
  const wrapper = graph.functions.find(({ signature }) => signature?.name.includes('signature_wrapper'));
  if (wrapper === undefined) throw new Error('The fixture has no served function.');
  return wrapper;
};
export const innermost = (graph: EditableGraph) => {
  const found = graph.functions.find(({ signature }) => signature?.name.startsWith('__inference___call__'));
  if (found === undefined) throw new Error('The fixture has no inner function.');
  return found;
};
export const shape = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size })), unknownRank: false });
