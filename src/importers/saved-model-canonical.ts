/**
 * The SavedModel that engines load: the served part of the graph, without names of devices, without hints to
 * TensorFlow's internals, and with a restore that is written here.
 */
import { refuseImport } from './refused.js';
import type { Part, SavedGraph } from './saved-model-graph.js';
import type { Variable } from './saved-model-variables.js';
import { encodeProto, type AttrEntry, type MetaGraph, type NodeProto } from './tensorflow-proto.js';
import { DT_STRING } from './tensorflow-types.js';

const PREFIX = 'souk_restore';
/** Settings for TensorFlow's insides, as text of its own protocol: never a stranger's. */
const BLANKED: ReadonlySet<string> = new Set(['config', 'config_proto', 'executor_type']);

/** @returns the bytes of saved_model.pb */
export function writeSavedModel(
  meta: MetaGraph,
  graph: SavedGraph,
  served: Part,
  variables: readonly Variable[],
): Uint8Array {
  const own = graph.nodes.find((node) => node.name.split('/')[0] === PREFIX);
  if (own !== undefined) {
    refuseImport('CORRUPT_ARTIFACT', own.name, `The node name "${own.name}" is taken by Souk; rename it.`);
  }
  const nodes = graph.nodes.filter((node) => served.nodes.has(node.name)).map(plainNode);
  const functions = [...graph.functions]
    .filter(([name]) => served.functions.has(name))
    .map(([, item]) => ({ ...item, attr: plainAttributes(item.attr), nodeDef: item.nodeDef.map(plainNode) }));
  return encodeProto('SavedModel', {
    savedModelSchemaVersion: 1,
    metaGraphs: [
      {
        metaInfoDef: { tags: ['serve'] },
        graphDef: {
          node: [...nodes, ...(variables.length === 0 ? [] : restoreNodes(variables))],
          library: { function: functions },
          versions: meta.graphDef?.versions,
        },
        ...(variables.length === 0
          ? {}
          : {
              saverDef: {
                filenameTensorName: `${PREFIX}/file:0`,
                saveTensorName: `${PREFIX}/file:0`,
                restoreOpName: `${PREFIX}/all`,
                version: 2,
              },
            }),
      },
    ],
  });
}

function plainNode(node: NodeProto): NodeProto {
  return { ...node, device: '', attr: plainAttributes(node.attr) };
}

function plainAttributes(attr: readonly AttrEntry[]): AttrEntry[] {
  return attr
    .filter(({ key }) => !key.startsWith('_'))
    .map((entry) => (BLANKED.has(entry.key) ? { key: entry.key, value: { s: new Uint8Array() } } : entry));
}

function restoreNodes(variables: readonly Variable[]): NodeProto[] {
  const node = (
    name: string,
    op: string,
    input: readonly string[],
    attr: readonly AttrEntry[],
  ): NodeProto => ({
    name: `${PREFIX}/${name}`,
    op,
    input,
    device: '',
    attr,
  });
  const dtype = (type: number): AttrEntry => ({ key: 'dtype', value: { type } });
  const strings = (name: string, texts: readonly string[]): NodeProto =>
    node(
      name,
      'Const',
      [],
      [
        dtype(DT_STRING),
        {
          key: 'value',
          value: {
            tensor: {
              dtype: DT_STRING,
              tensorShape: { dim: [{ size: texts.length }], unknownRank: false },
              tensorContent: new Uint8Array(),
              stringVal: texts.map((text) => Buffer.from(text)),
            },
          },
        },
      ],
    );
  const assigns = variables.map((variable, at) =>
    node(
      `assign_${at}`,
      'AssignVariableOp',
      [variable.node.name, `${PREFIX}/values:${at}`],
      [dtype(variable.dtype)],
    ),
  );
  return [
    node(
      'file',
      'Placeholder',
      [],
      [dtype(DT_STRING), { key: 'shape', value: { shape: { dim: [], unknownRank: false } } }],
    ),
    strings(
      'names',
      variables.map(({ key }) => key),
    ),
    strings(
      'slices',
      variables.map(() => ''),
    ),
    node(
      'values',
      'RestoreV2',
      [`${PREFIX}/file`, `${PREFIX}/names`, `${PREFIX}/slices`],
      [{ key: 'dtypes', value: { list: { type: variables.map((variable) => variable.dtype) } } }],
    ),
    ...assigns,
    node(
      'all',
      'NoOp',
      assigns.map(({ name }) => `^${name}`),
      [],
    ),
  ];
}
