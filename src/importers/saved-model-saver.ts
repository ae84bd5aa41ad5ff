/**
 * Which variable is which tensor of the checkpoint. A SavedModel says it with a graph that restores them: it
 * is read here, never run. What comes of it is a checkpoint and a restore of our own, in which no string is
 * the file's.
 */
import { refuseImport } from './refused.js';
import { stringsOf } from './saved-model-constants.js';
import { nodeOf, reachedByControl, type SavedGraph } from './saved-model-graph.js';
import { attrOf, type MetaGraph, type NodeProto } from './tensorflow-proto.js';

/** Identities between the checkpoint's tensor and the variable; TensorFlow writes one. */
const MAX_STEPS = 16;

/** By a node of the main graph, names in the checkpoint: of a variable's value, or of a table's keys and values. */
export interface Restored {
  readonly variables: ReadonlyMap<string, string>;
  readonly tables: ReadonlyMap<string, { readonly keys: string; readonly values: string }>;
}

export function saverNodes(meta: MetaGraph): string[] {
  const saver = meta.saverDef;
  if (saver === null) return [];
  return [saver.saveTensorName, saver.restoreOpName, saver.filenameTensorName]
    .filter((name) => name !== '')
    .map(nodeOf);
}

/** @throws Refused when the restore is of a form that TensorFlow does not write */
export function readRestore(meta: MetaGraph, graph: SavedGraph): Restored {
  const restore = graph.byName.get(nodeOf(meta.saverDef?.restoreOpName ?? ''));
  if (restore === undefined) return { variables: new Map(), tables: new Map() };
  const called = attrOf(restore, 'f')?.func?.name ?? '';
  const body = graph.functions.get(called);
  if (body === undefined)
    return readAssigns(reachedByControl([restore.name], graph.byName), graph.byName, nodeOf);
  const given = restore.input.filter((input) => !input.startsWith('^')).map(nodeOf);
  const argument = new Map((body.signature?.inputArg ?? []).map(({ name }, at) => [name, given[at] ?? '']));
  const inner = new Map(body.nodeDef.map((node) => [node.name, node]));
  return readAssigns(body.nodeDef, inner, (input) => argument.get(input) ?? '');
}

const ASSIGN = /^Assign(VariableOp)?$/;
const FILL = /^LookupTableImport(V2)?$/;

function readAssigns(
  nodes: readonly NodeProto[],
  scope: ReadonlyMap<string, NodeProto>,
  holderOf: (input: string) => string,
): Restored {
  const variables = new Map<string, string>();
  const tables = new Map<string, { keys: string; values: string }>();
  for (const node of nodes) {
    if (!ASSIGN.test(node.op) && !FILL.test(node.op)) continue;
    const [holder = '', ...values] = node.input.filter((input) => !input.startsWith('^'));
    const [first, second] = values.map((value) => restoredName(value, scope));
    if (ASSIGN.test(node.op) && typeof first === 'string') variables.set(holderOf(holder), first);
    else if (FILL.test(node.op) && typeof first === 'string' && typeof second === 'string') {
      tables.set(holderOf(holder), { keys: first, values: second });
    } else {
      return refuseImport(
        'UNSUPPORTED_OP',
        node.name,
        `The restore of the variables assigns something other than a tensor of the checkpoint ("${node.name}").`,
      );
    }
  }
  return { variables, tables };
}

/** Follows `Identity` to `RestoreV2` and its output's number to the name in its list. */
function restoredName(value: string, scope: ReadonlyMap<string, NodeProto>): string | null {
  let input = value;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const node = scope.get(nodeOf(input));
    if (node?.op === 'RestoreV2') {
      const at = Number(/:(\d+)$/.exec(input)?.[1] ?? 0);
      const slices = stringsOf(constantOf(node.input[2], scope));
      // A slice of a tensor would be a variable in parts.
      if ((slices[at] ?? '') !== '') return null;
      return stringsOf(constantOf(node.input[1], scope))[at] ?? null;
    }
    if (node?.op !== 'Identity') return null;
    input = node.input[0] ?? '';
  }
  return null;
}

function constantOf(input: string | undefined, scope: ReadonlyMap<string, NodeProto>) {
  const node = scope.get(nodeOf(input ?? ''));
  return node?.op === 'Const' ? attrOf(node, 'value')?.tensor : null;
}
