/**
 * What fills the lookup tables of a SavedModel when it is loaded. Fillings from constants are kept as they are, after
 * the same check of every op; a filling from a text file becomes constants here, so that no op ever opens a file.
 */
import type { Archive } from './archive.js';
import { refuseImport } from './refused.js';
import {
  nodeOf,
  partReachedFrom,
  reachedByControl,
  type Part,
  type SavedGraph,
} from './saved-model-graph.js';
import { ownNode, typeAttr } from './saved-model-nodes.js';
import { TABLE_INIT_OPS, TABLE_OPS, TEXT_FILE_OPS, VARIABLE_OPS } from './saved-model-ops.js';
import { attrOf, type MetaGraph, type NodeProto } from './tensorflow-proto.js';
import { readVocabulary } from './vocabulary-file.js';

export interface TableFillings {
  /** Of the graph, as it is: what the kept fillings need. */
  readonly part: Part;
  /** Written here, in place of fillings from files. */
  readonly nodes: readonly NodeProto[];
  /** What must have run before the first prediction. */
  readonly waitFor: readonly string[];
}

const INIT_SIGNATURE = '__saved_model_init_op';
const INIT_COLLECTIONS = ['saved_model_main_op', 'legacy_init_op'];
const MAX_STEPS = 16;

/** The nodes that TensorFlow runs when it loads the SavedModel. */
export function initNodes(meta: MetaGraph): readonly string[] {
  const signature = meta.signatureDef.find(({ key }) => key === INIT_SIGNATURE);
  const bySignature = signature?.value?.outputs.map(({ value }) => nodeOf(value?.name ?? '')) ?? [];
  if (bySignature.length > 0) return bySignature;
  return meta.collectionDef
    .filter(({ key }) => INIT_COLLECTIONS.includes(key))
    .flatMap(({ value }) => value?.nodeList?.value.map(nodeOf) ?? []);
}

/** One op that fills a table: the table and, for a text file, its path, as nodes of the main graph. */
interface Filling {
  readonly node: NodeProto;
  readonly table: string | null;
  readonly file: string | null;
}

type Scope = (input: string | undefined) => string | null;

/** @throws Refused naming the node or file */
export function readTableFillings(
  meta: MetaGraph,
  graph: SavedGraph,
  served: Part,
  archive: Archive,
  base: string,
): TableFillings {
  const tables = new Set(
    graph.nodes.filter(({ name, op }) => TABLE_OPS.has(op) && served.nodes.has(name)).map(({ name }) => name),
  );
  const kept: string[] = [];
  const nodes: NodeProto[] = [];
  const waitFor: string[] = [];
  if (tables.size > 0) {
    for (const node of reachedByControl(initNodes(meta), graph.byName)) {
      const fillings = fillingsOf(node, graph, (input) => (input === undefined ? null : nodeOf(input)));
      if (!fillings.some(({ table }) => table !== null && tables.has(table))) continue;
      const fromFiles = fillings.filter((filling) => TEXT_FILE_OPS.has(filling.node.op));
      if (fromFiles.length === 0) {
        kept.push(node.name);
        waitFor.push(node.name);
        continue;
      }
      if (fromFiles.length < fillings.length) {
        refuseImport(
          'UNSUPPORTED_OP',
          node.name,
          `Node "${node.name}" fills tables from files and from constants at once, which Souk does not take apart.`,
        );
      }
      for (const filling of fromFiles) {
        const made = fromFile(filling, waitFor.length, meta, graph, archive, base);
        nodes.push(...made);
        waitFor.push(made.at(-1)?.name ?? '');
      }
    }
  }
  return { part: partReachedFrom(graph, kept), nodes, waitFor };
}

/** Of one node of the main graph, and of the functions that it calls. Recursion is bounded by `readGraph`. */
function fillingsOf(node: NodeProto, graph: SavedGraph, scope: Scope): readonly Filling[] {
  if (TABLE_INIT_OPS.has(node.op)) {
    const file = TEXT_FILE_OPS.has(node.op) ? scope(node.input[1]) : null;
    return [{ node, table: scope(node.input[0]), file }];
  }
  const body = graph.functions.get(attrOf(node, 'f')?.func?.name ?? node.op);
  if (body === undefined) return [];
  const given = node.input.filter((input) => !input.startsWith('^'));
  const argument = new Map((body.signature?.inputArg ?? []).map(({ name }, at) => [name, given[at]]));
  const inner = new Map(body.nodeDef.map((item) => [item.name, item]));
  const innerScope: Scope = (input) => {
    let name = input === undefined ? '' : nodeOf(input);
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      if (argument.has(name)) return scope(argument.get(name));
      const source = inner.get(name);
      if (source?.op !== 'Identity') return null;
      name = nodeOf(source.input[0] ?? '');
    }
    return null;
  };
  return body.nodeDef.flatMap((item) => fillingsOf(item, graph, innerScope));
}

/** Constants and the node that puts them into the table, which comes last. */
function fromFile(
  { node, table, file }: Filling,
  at: number,
  meta: MetaGraph,
  graph: SavedGraph,
  archive: Archive,
  base: string,
): readonly NodeProto[] {
  const handle = graph.byName.get(table ?? '');
  const asset = file === null ? undefined : assetOf(file, meta, graph);
  if (handle === undefined || asset === undefined) {
    return refuseImport(
      'UNSUPPORTED_OP',
      node.name,
      `Node "${node.name}" fills a table from a file that is not an asset of the SavedModel.`,
    );
  }
  const path = `${base}assets/${asset}`;
  const source = archive.files.get(path);
  if (source === undefined) {
    return refuseImport(
      'CORRUPT_ARTIFACT',
      path,
      `The archive holds no ${path}, from which the graph fills a table.`,
    );
  }
  const types = {
    key: attrOf(handle, 'key_dtype')?.type ?? 0,
    value: attrOf(handle, 'value_dtype')?.type ?? 0,
  };
  const { keys, values } = readVocabulary(source, path, node, types, `table_${at}`);
  const fill = ownNode(
    `table_${at}_fill`,
    handle.op === 'HashTable' ? 'LookupTableImport' : 'LookupTableImportV2',
    [handle.name, keys.name, values.name],
    [typeAttr('Tin', types.key), typeAttr('Tout', types.value)],
  );
  return [keys, values, fill];
}

/** The path is a node of the graph, or a variable that one is assigned to; its file's name stands beside the graph. */
function assetOf(path: string, meta: MetaGraph, graph: SavedGraph): string | undefined {
  let name = path;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const asset = meta.assetFileDef.find(({ tensorInfo }) => nodeOf(tensorInfo?.name ?? '') === name);
    if (asset !== undefined) return asset.filename;
    const node = graph.byName.get(name);
    if (node === undefined) return undefined;
    if (VARIABLE_OPS.has(node.op)) {
      const assign = graph.nodes.find(
        ({ op, input }) => /^Assign(VariableOp)?$/.test(op) && nodeOf(input[0] ?? '') === node.name,
      );
      name = nodeOf(assign?.input[1] ?? '');
    } else if (node.op === 'Identity' || node.op === 'ReadVariableOp') name = nodeOf(node.input[0] ?? '');
    else return undefined;
  }
  return undefined;
}
