import { buildSchema, isEnumType, isInterfaceType, isObjectType, isScalarType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createResolvers } from '../../src/graphql/resolvers/index.js';
import { errorTypeName } from '../../src/graphql/resolvers/user-error.js';
import { readSchemaText } from '../../src/graphql/server.js';

const schema = buildSchema(readSchemaText());
const resolvers = createResolvers() as Record<string, Record<string, unknown>>;

describe('the contract and its resolvers', () => {
  it.each(['Query', 'Mutation'])('every field of %s is implemented', (root) => {
    const type = schema.getType(root);
    if (!isObjectType(type)) throw new Error(`${root} is no type of the contract.`);
    expect(Object.keys(resolvers[root] ?? {}).sort()).toEqual(Object.keys(type.getFields()).sort());
  });

  it('every resolver belongs to a field of the contract', () => {
    for (const [name, fields] of Object.entries(resolvers)) {
      const type = schema.getType(name);
      expect(type, name).toBeDefined();
      if (!isObjectType(type)) continue;
      for (const field of Object.keys(fields))
        expect(type.getFields(), `${name}.${field}`).toHaveProperty(field);
    }
  });

  it('every scalar and every interface of the contract has its resolver', () => {
    for (const type of Object.values(schema.getTypeMap())) {
      if (type.name.startsWith('__') || ['ID', 'String', 'Int', 'Float', 'Boolean'].includes(type.name))
        continue;
      if (isScalarType(type)) expect(resolvers[type.name], type.name).toBeDefined();
      if (isInterfaceType(type)) expect(resolvers[type.name], type.name).toHaveProperty('__resolveType');
    }
  });

  it('every error code has a type, and every error type a code', () => {
    const codes = schema.getType('ErrorCode');
    const userError = schema.getType('UserError');
    if (!isEnumType(codes) || !isInterfaceType(userError)) throw new Error('The contract has no errors.');
    const names = codes.getValues().map(({ name }) => errorTypeName(name));
    expect(names.sort()).toEqual(
      schema
        .getPossibleTypes(userError)
        .map(({ name }) => name)
        .sort(),
    );
  });
});
