/** The third check of `limits.ts`: what one operation would fetch, with its fragments expanded. */
import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { limitError } from './limits.js';

export const OPERATION_LIMITS = {
  /** Nodes that the nested lists of one operation may hold: the product of `first` along each path. */
  maxNodes: 10_000,
  /** With fragments expanded, introspection left out. */
  maxDepth: 15,
  maxRootMutations: 10,
} as const;

/** Mutations that try a password: more than one per request would be a guessing machine. */
const CREDENTIAL_MUTATIONS: ReadonlySet<string> = new Set(['signIn', 'signUp']);

interface Weight {
  readonly nodes: number;
  readonly depth: number;
}

interface Walk {
  readonly schema: GraphQLSchema;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Set once a variable has been looked at: the verdict then holds for these variables only. */
  usedVariables: boolean;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Each fragment is weighed once, so that fragments which spread each other twice stay cheap. */
  readonly weighed: Map<string, Weight>;
}

/**
 * Returns a function that throws when an operation is too much. Its document must have passed validation (no cycles). An
 * operation that has passed whatever its variables are is not walked again while its parsed document is kept.
 */
export function createOperationCheck(): typeof checkOperation {
  const passed = new WeakSet<OperationDefinitionNode>();
  return (schema, document, operation, variables) => {
    if (passed.has(operation)) return true;
    const holdsAlways = checkOperation(schema, document, operation, variables);
    if (holdsAlways) passed.add(operation);
    return holdsAlways;
  };
}

/** @returns whether it passes with any variables */
export function checkOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): boolean {
  const root = schema.getRootType(operation.operation);
  if (root === undefined || root === null) return false;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const walk: Walk = { schema, variables, usedVariables: false, fragments, weighed: new Map() };
  if (operation.operation === 'mutation') checkRootMutations(walk, operation.selectionSet);
  const { nodes, depth } = weigh(walk, operation.selectionSet, root);
  if (depth > OPERATION_LIMITS.maxDepth) {
    throw limitError(`The operation nests selections deeper than ${OPERATION_LIMITS.maxDepth}.`);
  }
  if (nodes > OPERATION_LIMITS.maxNodes) {
    throw limitError(
      `The operation could fetch ${nodes} objects, and at most ${OPERATION_LIMITS.maxNodes} are allowed: lower \`first\`.`,
    );
  }
  return !walk.usedVariables;
}

function checkRootMutations(walk: Walk, selectionSet: SelectionSetNode): void {
  const names: string[] = [];
  collectRootFields(walk, selectionSet, names);
  if (names.length > OPERATION_LIMITS.maxRootMutations) {
    throw limitError(`An operation runs at most ${OPERATION_LIMITS.maxRootMutations} mutations.`);
  }
  if (names.filter((name) => CREDENTIAL_MUTATIONS.has(name)).length > 1) {
    throw limitError('An operation holds at most one signIn or signUp.');
  }
}

function collectRootFields(walk: Walk, selectionSet: SelectionSetNode, names: string[]): void {
  for (const selection of selectionSet.selections) {
    // One more than allowed is enough to refuse; fragments that double each other would go on for ever.
    if (names.length > OPERATION_LIMITS.maxRootMutations) return;
    if (selection.kind === Kind.FIELD) names.push(selection.name.value);
    else if (selection.kind === Kind.INLINE_FRAGMENT) collectRootFields(walk, selection.selectionSet, names);
    else {
      const fragment = walk.fragments.get(selection.name.value);
      if (fragment !== undefined) collectRootFields(walk, fragment.selectionSet, names);
    }
  }
}

function weigh(walk: Walk, selectionSet: SelectionSetNode, type: GraphQLNamedType | undefined): Weight {
  let nodes = 0;
  let depth = 0;
  const add = (weight: Weight) => {
    nodes += weight.nodes;
    depth = Math.max(depth, weight.depth);
  };
  for (const selection of selectionSet.selections) {
    if (selection.kind === Kind.FIELD) add(weighField(walk, selection, type));
    else if (selection.kind === Kind.INLINE_FRAGMENT) {
      const condition = selection.typeCondition?.name.value;
      add(
        weigh(walk, selection.selectionSet, condition === undefined ? type : walk.schema.getType(condition)),
      );
    } else add(weighFragment(walk, selection.name.value));
  }
  return { nodes, depth: depth + 1 };
}

function weighFragment(walk: Walk, name: string): Weight {
  const known = walk.weighed.get(name);
  if (known !== undefined) return known;
  const fragment = walk.fragments.get(name);
  if (fragment === undefined) return { nodes: 0, depth: 0 };
  const { nodes, depth } = weigh(
    walk,
    fragment.selectionSet,
    walk.schema.getType(fragment.typeCondition.name.value),
  );
  // A spread adds no level of its own.
  const weight = { nodes, depth: depth - 1 };
  walk.weighed.set(name, weight);
  return weight;
}

function weighField(walk: Walk, field: FieldNode, type: GraphQLNamedType | undefined): Weight {
  const name = field.name.value;
  if (name.startsWith('__') || field.selectionSet === undefined) return { nodes: 0, depth: 0 };
  const definition = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
  const inner = weigh(
    walk,
    field.selectionSet,
    definition === undefined ? undefined : getNamedType(definition.type),
  );
  const first = definition === undefined ? null : firstOf(walk, field, definition);
  return first === null ? inner : { nodes: first * Math.max(1, inner.nodes), depth: inner.depth };
}

/** The page size that the field asks for; `null` when it is no list with pages. */
function firstOf(walk: Walk, field: FieldNode, definition: GraphQLField<unknown, unknown>): number | null {
  const argument = definition.args.find(({ name }) => name === 'first');
  if (argument === undefined) return null;
  const given = field.arguments?.find(({ name }) => name.value === 'first')?.value;
  let value: unknown = argument.defaultValue;
  if (given?.kind === Kind.INT) value = Number(given.value);
  else if (given?.kind === Kind.VARIABLE) {
    walk.usedVariables = true;
    value = walk.variables[given.name.value] ?? argument.defaultValue;
  }
  // What is no sensible page size is refused by the resolver; here it only must not hide a large one.
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(1, Math.abs(value)) : 1;
}
