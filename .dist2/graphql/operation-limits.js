import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind
} from "graphql";
import { limitError } from "./limits.js";
const OPERATION_LIMITS = {
  /** Nodes that the nested lists of one operation may hold: the product of `first` along each path. */
  maxNodes: 1e4,
  /** With fragments expanded, introspection left out. */
  maxDepth: 15,
  maxRootMutations: 10
};
const CREDENTIAL_MUTATIONS = /* @__PURE__ */ new Set(["signIn", "signUp"]);
function checkOperation(schema, document, operation, variables) {
  const root = schema.getRootType(operation.operation);
  if (root === void 0 || root === null) return;
  const fragments = /* @__PURE__ */ new Map();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const walk = { schema, variables, fragments, weighed: /* @__PURE__ */ new Map() };
  if (operation.operation === "mutation") checkRootMutations(walk, operation.selectionSet);
  const { nodes, depth } = weigh(walk, operation.selectionSet, root);
  if (depth > OPERATION_LIMITS.maxDepth) {
    throw limitError(`The operation nests selections deeper than ${OPERATION_LIMITS.maxDepth}.`);
  }
  if (nodes > OPERATION_LIMITS.maxNodes) {
    throw limitError(
      `The operation could fetch ${nodes} objects, and at most ${OPERATION_LIMITS.maxNodes} are allowed: lower \`first\`.`
    );
  }
}
function checkRootMutations(walk, selectionSet) {
  const names = [];
  collectRootFields(walk, selectionSet, names);
  if (names.length > OPERATION_LIMITS.maxRootMutations) {
    throw limitError(`An operation runs at most ${OPERATION_LIMITS.maxRootMutations} mutations.`);
  }
  if (names.filter((name) => CREDENTIAL_MUTATIONS.has(name)).length > 1) {
    throw limitError("An operation holds at most one signIn or signUp.");
  }
}
function collectRootFields(walk, selectionSet, names) {
  for (const selection of selectionSet.selections) {
    if (names.length > OPERATION_LIMITS.maxRootMutations) return;
    if (selection.kind === Kind.FIELD) names.push(selection.name.value);
    else if (selection.kind === Kind.INLINE_FRAGMENT) collectRootFields(walk, selection.selectionSet, names);
    else {
      const fragment = walk.fragments.get(selection.name.value);
      if (fragment !== void 0) collectRootFields(walk, fragment.selectionSet, names);
    }
  }
}
function weigh(walk, selectionSet, type) {
  let nodes = 0;
  let depth = 0;
  const add = (weight) => {
    nodes += weight.nodes;
    depth = Math.max(depth, weight.depth);
  };
  for (const selection of selectionSet.selections) {
    if (selection.kind === Kind.FIELD) add(weighField(walk, selection, type));
    else if (selection.kind === Kind.INLINE_FRAGMENT) {
      const condition = selection.typeCondition?.name.value;
      add(
        weigh(walk, selection.selectionSet, condition === void 0 ? type : walk.schema.getType(condition))
      );
    } else add(weighFragment(walk, selection.name.value));
  }
  return { nodes, depth: depth + 1 };
}
function weighFragment(walk, name) {
  const known = walk.weighed.get(name);
  if (known !== void 0) return known;
  const fragment = walk.fragments.get(name);
  if (fragment === void 0) return { nodes: 0, depth: 0 };
  const { nodes, depth } = weigh(
    walk,
    fragment.selectionSet,
    walk.schema.getType(fragment.typeCondition.name.value)
  );
  const weight = { nodes, depth: depth - 1 };
  walk.weighed.set(name, weight);
  return weight;
}
function weighField(walk, field, type) {
  const name = field.name.value;
  if (name.startsWith("__") || field.selectionSet === void 0) return { nodes: 0, depth: 0 };
  const definition = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : void 0;
  const inner = weigh(
    walk,
    field.selectionSet,
    definition === void 0 ? void 0 : getNamedType(definition.type)
  );
  const first = definition === void 0 ? null : firstOf(walk, field, definition);
  return first === null ? inner : { nodes: first * Math.max(1, inner.nodes), depth: inner.depth };
}
function firstOf(walk, field, definition) {
  const argument = definition.args.find(({ name }) => name === "first");
  if (argument === void 0) return null;
  const given = field.arguments?.find(({ name }) => name.value === "first")?.value;
  let value = argument.defaultValue;
  if (given?.kind === Kind.INT) value = Number(given.value);
  else if (given?.kind === Kind.VARIABLE) value = walk.variables[given.name.value] ?? argument.defaultValue;
  return typeof value === "number" && Number.isFinite(value) ? Math.max(1, Math.abs(value)) : 1;
}
export {
  OPERATION_LIMITS,
  checkOperation
};
//# sourceMappingURL=operation-limits.js.map
