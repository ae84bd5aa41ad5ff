/**
 * The SavedModel that engines load: the served part of the graph, without names of devices, without hints to
 * TensorFlow's internals, and with a restore and a filling of tables that are written here.
 */
import type { Borders } from './saved-model-borders.js';
import type { Part, SavedGraph } from './saved-model-graph.js';
import type { MovedConstants } from './saved-model-moved.js';
import { ownNode, SCALAR, shapeAttr, stringsNode, typeAttr } from './saved-model-nodes.js';
import { VARIABLE_OPS } from './saved-model-ops.js';
import type { TableFillings } from './saved-model-tables.js';
import type { Holder } from './saved-model-variables.js';
import { encodeProto, type AttrEntry, type MetaGraph, type NodeProto } from './tensorflow-proto.js';
import { DT } from './tensorflow-types.js';

/** Settings for TensorFlow's insides, as text of its own protocol: never a stranger's. */
const BLANKED: ReadonlySet<string> = new Set(['config', 'config_proto', 'executor_type']);
const INIT_SIGNATURE = '__saved_model_init_op';

export interface Canonical {
  readonly graph: SavedGraph;
  /** What the signatures and the fillings of tables reach. */
  readonly part: Part;
  readonly borders: Borders;
  /** Variables and tables, those of moved constants too. */
  readonly holders: readonly Holder[];
  readonly moved: MovedConstants;
  readonly fillings: TableFillings;
}

/** @returns the bytes of saved_model.pb */
export function writeSavedModel(
  meta: MetaGraph,
  { graph, part, borders, holders, moved, fillings }: Canonical,
): Uint8Array {
  const nodes = graph.nodes
    .filter((node) => part.nodes.has(node.name))
    .map((node) => borders.replaced.get(node.name) ?? node)
    .flatMap((node) => moved.replace(node, false))
    .map(plainNode);
  const functions = [...graph.functions]
    .filter(([name]) => part.functions.has(name))
    .map(([, item]) => ({
      ...item,
      attr: plainAttributes(item.attr),
      nodeDef: item.nodeDef.flatMap((node) => moved.replace(node, true)).map(plainNode),
    }));
  const restore = holders.length === 0 ? [] : restoreNodes(holders);
  const init = fillings.waitFor.length === 0 ? [] : [waitingNode('init', fillings.waitFor)];
  return encodeProto('SavedModel', {
    savedModelSchemaVersion: 1,
    metaGraphs: [
      {
        metaInfoDef: { tags: ['serve'] },
        graphDef: {
          node: [
            ...nodes,
            ...moved.holders.map(({ node }) => node),
            ...borders.nodes,
            ...fillings.nodes,
            ...restore,
            ...init,
          ],
          library: { function: functions },
          versions: meta.graphDef?.versions,
        },
        signatureDef: init.map(({ name }) => ({
          key: INIT_SIGNATURE,
          value: { outputs: [{ key: INIT_SIGNATURE, value: { name } }] },
        })),
        ...(restore.length === 0
          ? {}
          : {
              saverDef: {
                filenameTensorName: 'souk_restore_file:0',
                saveTensorName: 'souk_restore_file:0',
                restoreOpName: 'souk_restore_all',
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

function waitingNode(name: string, nodes: readonly string[]): NodeProto {
  return ownNode(
    name,
    'NoOp',
    nodes.map((node) => `^${node}`),
  );
}

function restoreNodes(holders: readonly Holder[]): NodeProto[] {
  const tensors = holders.flatMap((holder) => holder.tensors);
  let next = 0;
  const puts = holders.map(({ node, tensors: own }, at) => {
    const values = own.map(() => `souk_restore_values:${next++}`);
    const [first, second] = own.map(({ dtype }) => dtype);
    const input = [node.name, ...values];
    if (VARIABLE_OPS.has(node.op)) {
      return node.op === 'VarHandleOp'
        ? ownNode(`restore_${at}`, 'AssignVariableOp', input, [typeAttr('dtype', first ?? 0)])
        : ownNode(`restore_${at}`, 'Assign', input, [typeAttr('T', first ?? 0)]);
    }
    const attr = [typeAttr('Tin', first ?? 0), typeAttr('Tout', second ?? 0)];
    const op = node.op === 'HashTable' ? 'LookupTableImport' : 'LookupTableImportV2';
    return ownNode(`restore_${at}`, op, input, attr);
  });
  return [
    ownNode('restore_file', 'Placeholder', [], [typeAttr('dtype', DT.STRING), shapeAttr(SCALAR)]),
    stringsNode(
      'restore_names',
      tensors.map(({ key }) => key),
    ),
    stringsNode(
      'restore_slices',
      tensors.map(() => ''),
    ),
    ownNode(
      'restore_values',
      'RestoreV2',
      ['souk_restore_file', 'souk_restore_names', 'souk_restore_slices'],
      [{ key: 'dtypes', value: { list: { type: tensors.map(({ dtype }) => dtype) } } }],
    ),
    ...puts,
    waitingNode(
      'restore_all',
      puts.map(({ name }) => name),
    ),
  ];
}
