/** Whether every op of a SavedModel may be where it is. */
import { refuseImport } from './refused.js';
import { nodesOfPart, type Part, type SavedGraph } from './saved-model-graph.js';
import {
  SAVED_MODEL_OPS,
  SAVER_OPS,
  TABLE_INIT_OPS,
  TABLE_OPS,
  TEXT_FILE_OPS,
  TRAINING_OPS,
  VARIABLE_OPS,
} from './saved-model-ops.js';
import type { NodeProto } from './tensorflow-proto.js';

export interface PartsOfGraph {
  /** What some signature reaches. */
  readonly served: Part;
  /** What saving and restoring needs. */
  readonly saver: Part;
  /** What TensorFlow runs at load. */
  readonly init: Part;
  /** The part of it that is kept. */
  readonly fillings: Part;
}

/**
 * Every node of the graph and of every function, served or not: a file that carries an op which writes files
 * is refused even where nothing calls it.
 * @throws Refused naming the node and its op
 */
export function checkOps(graph: SavedGraph, { served, saver, init, fillings }: PartsOfGraph): void {
  const allowed = (node: NodeProto, isIn: (part: Part) => boolean): boolean => {
    const { op } = node;
    if (graph.functions.has(op) || SAVED_MODEL_OPS.has(op)) return true;
    // What trains and is served has been refused, with the signature that reaches it.
    if (isIn(served)) return TRAINING_OPS.has(op);
    if (isIn(fillings)) return TABLE_INIT_OPS.has(op) && !TEXT_FILE_OPS.has(op);
    if (TEXT_FILE_OPS.has(op)) return isIn(init);
    return TRAINING_OPS.has(op) || TABLE_INIT_OPS.has(op) || (isIn(saver) && SAVER_OPS.has(op));
  };
  for (const node of graph.nodes) {
    if (!allowed(node, (part) => part.nodes.has(node.name))) refuseOp(node, '');
  }
  for (const [name, { nodeDef }] of graph.functions) {
    for (const node of nodeDef) {
      if (!allowed(node, (part) => part.functions.has(name))) refuseOp(node, ` in function "${name}"`);
    }
  }
  // Whatever is kept, in functions too.
  for (const part of [served, fillings]) {
    for (const [node, where] of nodesOfPart(graph, part)) {
      const isMainOnly = VARIABLE_OPS.has(node.op) || TABLE_OPS.has(node.op) || node.op === 'Placeholder';
      if (where !== '' && isMainOnly) {
        refuseImport(
          'UNSUPPORTED_OP',
          node.name,
          `Node "${node.name}"${where} is a ${node.op}, which only the main graph may have.`,
        );
      }
    }
  }
}

function refuseOp(node: NodeProto, where: string): never {
  return refuseImport(
    'UNSUPPORTED_OP',
    node.name,
    `Node "${node.name}"${where} has the op "${node.op}", which is not among the ops that Souk computes.`,
  );
}

/** @throws Refused when the signature's part changes variables or tables */
export function checkUnchanging(graph: SavedGraph, part: Part): void {
  for (const [node, where] of nodesOfPart(graph, part)) {
    if (TRAINING_OPS.has(node.op)) {
      refuseImport(
        'UNSUPPORTED_OP',
        node.name,
        `Node "${node.name}"${where} has the op "${node.op}": a model that changes its state while it answers would carry one caller's data into another's answer.`,
      );
    }
  }
}
