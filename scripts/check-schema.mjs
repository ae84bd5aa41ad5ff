// Holds schema.graphql to its own rules: valid, described in full, and every mutation of one shape,
// `verbNoun(input: VerbNounInput!): VerbNounPayload!` with `errors: […!]!` in the payload.
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  validateSchema,
} from 'graphql';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup/paths.mjs';

const schema = buildSchema(readFileSync(join(root, 'schema.graphql'), 'utf8'));
const problems = validateSchema(schema).map((error) => error.message);

const describe = (coordinate, element) => {
  if (!element.description?.trim()) problems.push(`${coordinate} has no description.`);
};

for (const type of Object.values(schema.getTypeMap())) {
  if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
  describe(type.name, type);
  if (isEnumType(type)) for (const value of type.getValues()) describe(`${type.name}.${value.name}`, value);
  if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
  const inherited = new Set(
    'getInterfaces' in type ? type.getInterfaces().flatMap((i) => Object.keys(i.getFields())) : [],
  );
  for (const field of Object.values(type.getFields())) {
    if (!inherited.has(field.name)) describe(`${type.name}.${field.name}`, field);
    for (const argument of field.args ?? [])
      describe(`${type.name}.${field.name}(${argument.name}:)`, argument);
  }
}

for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
  const name = field.name[0].toUpperCase() + field.name.slice(1);
  const shape = `(${field.args.map((argument) => `${argument.name}: ${argument.type}`).join(', ')}): ${field.type}`;
  const expected = `(input: ${name}Input!): ${name}Payload!`;
  if (shape !== expected) problems.push(`Mutation.${field.name} is ${shape}, expected ${expected}.`);
  const errors = schema.getType(`${name}Payload`)?.getFields?.().errors;
  if (!/^\[\w+!\]!$/.test(String(errors?.type))) {
    problems.push(`${name}Payload.errors must be a non-null list of non-null errors.`);
  }
}

if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n`);
  process.exitCode = 1;
}
