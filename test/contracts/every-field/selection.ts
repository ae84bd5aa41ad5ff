/** Selections that ask for everything, made from the schema; and a record of what came back. */
import {
  getNamedType,
  isCompositeType,
  isEnumType,
  isInterfaceType,
  isObjectType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';

/** Arguments that a field needs, or that keep the pages of an operation small. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  'Model.version': '(number: 1)',
  'Model.alias': '(name: "production")',
};

function argumentsOf(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): string {
  const known = ARGUMENTS[`${type.name}.${field.name}`];
  if (known !== undefined) return known;
  return field.args.some(({ name }) => name === 'first') ? '(first: 3)' : '';
}

/** Response keys of fields that would clash between the error types: an alias, then the field. */
export const ERROR_ALIASES: Readonly<Record<string, string>> = { importSubject: 'subject' };

/** All fields of all types of `UserError`. */
export function everyError(schema: GraphQLSchema): string {
  const userError = schema.getType('UserError');
  if (!isInterfaceType(userError)) throw new Error('The contract has no UserError.');
  const shared = Object.keys(userError.getFields());
  const own = schema.getPossibleTypes(userError).flatMap((type) => {
    const fields = Object.keys(type.getFields()).filter((name) => !shared.includes(name));
    const keys = fields.map((name) =>
      type.name === 'ImportRefusedError' && name === 'subject' ? 'importSubject: subject' : name,
    );
    return keys.length === 0 ? [] : [`... on ${type.name} { ${keys.join(' ')} }`];
  });
  return `{ __typename ${shared.join(' ')} ${own.join(' ')} }`;
}

/**
 * Every field of a type and of all that can be reached from it. Each type is opened once, where it is
 * nearest; elsewhere it shows its name only, or the document would not end.
 */
export function everything(schema: GraphQLSchema, root: GraphQLObjectType): string {
  interface Opened {
    readonly type: GraphQLObjectType;
    readonly inner: Map<string, Opened | null>;
  }
  const seen = new Set([root.name]);
  const top: Opened = { type: root, inner: new Map() };
  const queue = [top];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const field of Object.values(at.type.getFields())) {
      const type = getNamedType(field.type);
      if (!isObjectType(type)) continue;
      const isNew = !seen.has(type.name);
      seen.add(type.name);
      const opened = isNew ? { type, inner: new Map<string, Opened | null>() } : null;
      at.inner.set(field.name, opened);
      if (opened !== null) queue.push(opened);
    }
  }
  function print({ type, inner }: Opened): string {
    const fields = Object.values(type.getFields()).map((field) => {
      const named = getNamedType(field.type);
      if (!isCompositeType(named)) return field.name;
      if (named.name === 'UserError') return `${field.name} ${everyError(schema)}`;
      const opened = inner.get(field.name) ?? null;
      return `${field.name}${argumentsOf(type, field)} ${opened === null ? '{ __typename }' : print(opened)}`;
    });
    return `{ __typename ${fields.join(' ')} }`;
  }
  return print(top);
}

export interface Sightings {
  /** `Type.field` of every field that was answered. */
  readonly answered: ReadonlySet<string>;
  /** Those that had a value, and not an empty list, at least once. */
  readonly filled: ReadonlySet<string>;
  /** Those that were null at least once. */
  readonly empty: ReadonlySet<string>;
  /** `Enum.VALUE` in answers. */
  readonly values: ReadonlySet<string>;
  /** Names of the object types of which an object was seen. */
  readonly types: ReadonlySet<string>;
  note(value: unknown, typeName?: string): void;
}

export function createSightings(schema: GraphQLSchema): Sightings {
  const answered = new Set<string>();
  const filled = new Set<string>();
  const empty = new Set<string>();
  const values = new Set<string>();
  const types = new Set<string>();

  function note(value: unknown, typeName?: string): void {
    if (Array.isArray(value)) {
      for (const item of value) note(item);
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    const { __typename: own, ...fields } = value as Record<string, unknown>;
    const type = schema.getType(typeName ?? String(own));
    if (!isObjectType(type)) return;
    types.add(type.name);
    for (const [key, inner] of Object.entries(fields)) {
      const name = ERROR_ALIASES[key] ?? key;
      const field = type.getFields()[name];
      if (field === undefined) throw new Error(`${type.name} has no field ${name}.`);
      const coordinate = `${type.name}.${name}`;
      answered.add(coordinate);
      if (inner === null) empty.add(coordinate);
      else if (!Array.isArray(inner) || inner.length > 0) filled.add(coordinate);
      const named = getNamedType(field.type);
      if (isEnumType(named))
        for (const one of [inner].flat()) if (one !== null) values.add(`${named.name}.${String(one)}`);
      if (isCompositeType(named)) note(inner);
    }
  }

  return { answered, filled, empty, values, types, note };
}
