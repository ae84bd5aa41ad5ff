import { buildSchema, isEnumType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { PERMISSIONS, permissionsOf, ROLES } from '../../../src/domain/access/index.js';
import { readSchemaText } from '../../../src/graphql/server.js';

const schema = buildSchema(readSchemaText());

function valuesOf(name: string): string[] {
  const type = schema.getType(name);
  if (!isEnumType(type)) throw new Error(`${name} is no enum of the contract.`);
  return type.getValues().map((value) => value.name);
}

describe('the registry of permissions', () => {
  it('is what the contract lists, and so are the roles', () => {
    expect(valuesOf('Permission').sort()).toEqual([...PERMISSIONS].sort());
    expect(valuesOf('Role').sort()).toEqual([...ROLES].sort());
  });

  it.each([true, false])('gives each role all that the next one has (operator: %s)', (isOperator) => {
    ROLES.slice(1).forEach((role, at) => {
      const above = permissionsOf(ROLES[at] ?? role, isOperator);
      expect([...permissionsOf(role, isOperator)].filter((permission) => !above.has(permission))).toEqual([]);
    });
  });

  it('gives power over other tenants to the leading roles of the operator, and to nobody else', () => {
    const holders = [true, false].flatMap((isOperator) =>
      ROLES.filter((role) => permissionsOf(role, isOperator).has('PLATFORM_OPERATE')).map(
        (role) => `${role} ${isOperator}`,
      ),
    );
    expect(holders).toEqual(['OWNER true', 'ADMIN true']);
  });
});
