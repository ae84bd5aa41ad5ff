/** What the schema declares and nobody met, by name. */
import {
  getNullableType,
  isEnumType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import type { Sightings } from './selection.js';

function objectTypes(schema: GraphQLSchema): GraphQLObjectType[] {
  return Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !isIntrospectionType(type),
  );
}

function coordinates(
  schema: GraphQLSchema,
  isWanted: (field: GraphQLField<unknown, unknown>) => boolean,
): string[] {
  return objectTypes(schema).flatMap((type) =>
    Object.values(type.getFields())
      .filter(isWanted)
      .map((field) => `${type.name}.${field.name}`),
  );
}

/** Fields that were in no answer; those of Query and Mutation too. */
export function unansweredFields(schema: GraphQLSchema, { answered }: Sightings): string[] {
  return coordinates(schema, () => true).filter((coordinate) => !answered.has(coordinate));
}

/** Fields that may be null, or a list with nothing in it, and always were. */
export function neverFilled(schema: GraphQLSchema, { filled }: Sightings): string[] {
  const mayBeEmpty = ({ type }: GraphQLField<unknown, unknown>) =>
    !isNonNullType(type) || isListType(getNullableType(type));
  return coordinates(schema, mayBeEmpty)
    .filter((coordinate) => !filled.has(coordinate))
    .sort();
}

/** `Enum.VALUE` of all enums. */
export function enumValues(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) =>
    isEnumType(type) && !isIntrospectionType(type)
      ? type.getValues().map(({ name }) => `${type.name}.${name}`)
      : [],
  );
}

export function errorTypes(schema: GraphQLSchema): readonly GraphQLObjectType[] {
  const userError = schema.getType('UserError');
  if (!isInterfaceType(userError)) throw new Error('The contract has no UserError.');
  return schema.getPossibleTypes(userError);
}
