import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped, type ValueNode } from 'graphql';
import { DecodedBase64 } from '../../lib/decoded-base64.js';

// RFC 3339 with an offset; `Date.parse` alone would also take "1" and "March 7".
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/i;
const MAX_TENSOR_NESTING = 64;

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

function parseDateTime(value: unknown): Date {
  const date = typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : null;
  if (date === null || Number.isNaN(date.getTime()) || !isRealDay(value as string)) {
    throw badInput('A DateTime is an RFC 3339 instant such as "2026-01-31T12:00:00.000Z".');
  }
  return date;
}

/** `Date` turns February 30 into March 2; the sender meant something else. */
function isRealDay(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number) as [number, number, number];
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function parseSafeInt(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw badInput('A SafeInt is a whole number between -(2^53 - 1) and 2^53 - 1.');
}

/**
 * Not looked into here: tensors are checked against the signature, in one pass over typed arrays, by the
 * predictions room. Coercing element by element would cost more than running the model.
 */
function parseTensorData(value: unknown): unknown {
  if (value instanceof DecodedBase64) return value;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    throw badInput('TensorData is a number, a boolean, a string, or (nested) lists of them.');
  }
  return value;
}

function tensorDataFromLiteral(node: ValueNode, variables: unknown): unknown {
  refuseObjects(node, 0);
  return valueFromASTUntyped(node, variables as Record<string, unknown>);
}

function refuseObjects(node: ValueNode, depth: number): void {
  if (node.kind === Kind.OBJECT || node.kind === Kind.ENUM || depth > MAX_TENSOR_NESTING) {
    throw badInput('TensorData is a number, a boolean, a string, or (nested) lists of them.');
  }
  if (node.kind === Kind.LIST) for (const value of node.values) refuseObjects(value, depth + 1);
}

export const scalarResolvers = {
  DateTime: new GraphQLScalarType<Date, string>({
    name: 'DateTime',
    serialize(value) {
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
      throw new TypeError('A DateTime field was resolved to something that is not a valid Date.');
    },
    parseValue: parseDateTime,
    parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : null),
  }),
  SafeInt: new GraphQLScalarType<number, number>({
    name: 'SafeInt',
    serialize(value) {
      const number = typeof value === 'bigint' ? Number(value) : value;
      if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
      throw new TypeError('A SafeInt field was resolved to something that is not a safe integer.');
    },
    parseValue: parseSafeInt,
    parseLiteral: (node) => parseSafeInt(node.kind === Kind.INT ? Number(node.value) : null),
  }),
  TensorData: new GraphQLScalarType<unknown, unknown>({
    name: 'TensorData',
    serialize: (value) => value,
    parseValue: parseTensorData,
    parseLiteral: tensorDataFromLiteral,
  }),
};
