/**
 * Which variable is which tensor of the checkpoint. A SavedModel says it with a graph that restores them: it
 * is read here, never run. What comes of it is a checkpoint and a restore of our own, in which no string is
 * the file's.
 */
import { refuseImport } from './refused.js';
import { stringsOf } from './saved-model-constants.js';
import { nodeOf, type SavedGraph } from './saved-model-graph.js';
import { attrOf, type MetaGraph, type NodeProto } from './tensorflow-proto.js';

/** Identities between the checkpoint's tensor and the variable; TensorFlow writes one. */
const MAX_STEPS = 16;

/** Variable's node in the main graph -> name in the checkpoint. */
export type RestoredVariables = ReadonlyMap<string, string>;

export function saverNodes(meta: MetaGraph): string[] {
  const saver = meta.saverDef;
  if (saver === null) return [];
  return [saver.saveTensorName, saver.restoreOpName, saver.filenameTensorName]
    .filter((name) => name !== '')
    .map(nodeOf);
}

/** @throws Refused when the restore is of a form that TensorFlow does not write */
export function readRestore(meta: MetaGraph, graph: SavedGraph): RestoredVariables {
  const restore = graph.byName.get(nodeOf(meta.saverDef?.restoreOpName ?? ''));
  if (restore === undefined) return new Map();
  const called = attrOf(restore, 'f')?.func?.name ?? '';
  const body = graph.functions.get(called);
  if (body === undefined) return readAssigns(reachedByControl(restore, graph.byName), graph.byName, nodeOf);
  const given = restore.input.filter((input) => !input.startsWith('^')).map(nodeOf);
  const argument = new Map((body.signature?.inputArg ?? []).map(({ name }, at) => [name, given[at] ?? '']));
  const inner = new Map(body.nodeDef.map((node) => [node.name, node]));
  return readAssigns(body.nodeDef, inner, (input) => argument.get(input) ?? '');
}

/** Before functions, a NoOp waited for all the assignments. */
function reachedByControl(from: NodeProto, byName: ReadonlyMap<string, NodeProto>): readonly NodeProto[] {
  const reached = new Map<string, NodeProto>();
  const waiting = [from];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (reached.has(node.name)) continue;
    reached.set(node.name, node);
    for (const input of node.input.filter((name) => name.startsWith('^'))) {
      const next = byName.get(nodeOf(input));
      if (next !== undefined) waiting.push(next);
    }
  }
  return [...reached.values()];
}

function readAssigns(
  nodes: readonly NodeProto[],
  scope: ReadonlyMap<string, NodeProto>,
  variableOf: (input: string) => string,
): RestoredVariables {
  const restored = new Map<string, string>();
  for (const node of nodes) {
    if (node.op !== 'AssignVariableOp') continue;
    const [variable = '', value = ''] = node.input;
    const name = restoredName(value, scope);
    if (name === null) {
      return refuseImport(
        'UNSUPPORTED_OP',
        node.name,
        `The restore of the variables assigns something other than a tensor of the checkpoint ("${node.name}").`,
      );
    }
    restored.set(variableOf(variable), name);
  }
  return restored;
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
