import { ESLint } from 'eslint';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';
import { souk } from '../../scripts/lint/file-names.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where code is planted (an existing file, so that the type-aware rules find their project), and what. */
const violations: readonly (readonly [what: string, file: string, code: string, rule: string])[] = [
  [
    'lib imports a room',
    'src/lib/clock.ts',
    `import '../domain/access/index.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'a machine imports the domain',
    'src/inference/engine.ts',
    `import '../domain/access/index.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'a machine imports a door',
    'src/database/pool.ts',
    `import '../http/errors.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'the domain imports a door',
    'src/domain/tenants/service.ts',
    `import '../../graphql/payload.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'a door imports the composition root',
    'src/graphql/payload.ts',
    `import '../app.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'GraphQL imports HTTP',
    'src/graphql/payload.ts',
    `import '../http/errors.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'the demo imports the server',
    'src/demo/story.ts',
    `import '../graphql/payload.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'a room imports to its right',
    'src/domain/tenants/service.ts',
    `import '../catalog/index.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'a room climbs through another’s window',
    'src/domain/catalog/service.ts',
    `import '../tenants/store.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'a door climbs through a room’s window',
    'src/graphql/payload.ts',
    `import '../domain/catalog/store.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'the domain climbs through a machine’s window',
    'src/domain/catalog/service.ts',
    `import '../../inference/engine.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'a machine climbs through another’s window',
    'src/importers/importer.ts',
    `import '../inference/engine.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'the pool imports what runs in a worker',
    'src/inference/engine.ts',
    `import './worker/serve.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'an importer outside the child loads an engine',
    'src/importers/importer.ts',
    `import '../inference/worker/runtimes/index.js';`,
    'import-x/no-restricted-paths',
  ],
  [
    'a service imports pg',
    'src/domain/catalog/service.ts',
    `import 'pg';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  [
    'a service imports the generated client',
    'src/domain/catalog/service.ts',
    `import '../../database/generated/client.js';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  [
    'a room other than identity imports jsonwebtoken',
    'src/domain/tenants/service.ts',
    `import 'jsonwebtoken';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  [
    'a room other than identity imports argon2',
    'src/domain/tenants/service.ts',
    `import '@node-rs/argon2';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  [
    'the pool imports TensorFlow',
    'src/inference/engine.ts',
    `import '@tensorflow/tfjs-node';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  [
    'GraphQL imports Fastify',
    'src/graphql/payload.ts',
    `import 'fastify';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  [
    'HTTP imports Apollo',
    'src/http/errors.ts',
    `import '@apollo/server';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  [
    'a file other than config.ts reads the environment',
    'src/http/server.ts',
    `export const a = process.env;`,
    'no-restricted-properties',
  ],
  [
    'a promise floats',
    'src/lib/clock.ts',
    `async function a(): Promise<void> {}\na();`,
    '@typescript-eslint/no-floating-promises',
  ],
  [
    'a switch forgets a case',
    'src/lib/clock.ts',
    `export function f(a: 1 | 2): void { switch (a) { case 1: break; } }`,
    '@typescript-eslint/switch-exhaustiveness-check',
  ],
  [
    'a type is imported as a value',
    'src/http/server.ts',
    `import { Clock } from '../lib/clock.js';\nexport const c: Clock | null = null;`,
    '@typescript-eslint/consistent-type-imports',
  ],
  ['any', 'src/http/server.ts', `export const a: any = 1;`, '@typescript-eslint/no-explicit-any'],
  ['a default export', 'src/http/server.ts', `export default 1;`, 'no-restricted-syntax'],
  ['an enum', 'src/http/server.ts', `export enum A { B }`, 'no-restricted-syntax'],
  ['a file of 401 lines', 'src/http/server.ts', '//\n'.repeat(401), 'max-lines'],
];

/** What must stay allowed, so that a wall which refuses everything is noticed too. */
const allowed: readonly (readonly [what: string, file: string, code: string])[] = [
  [
    'a room imports to its left through the front door',
    'src/domain/catalog/service.ts',
    `import '../tenants/index.js';`,
  ],
  [
    'the domain imports a machine through the front door',
    'src/domain/catalog/service.ts',
    `import '../../inference/index.js';`,
  ],
  [
    'a door imports a room through the front door',
    'src/graphql/payload.ts',
    `import '../domain/catalog/index.js';`,
  ],
  ['HTTP imports GraphQL', 'src/http/server.ts', `import '../graphql/payload.js';`],
  ['a machine imports lib', 'src/inference/engine.ts', `import '../lib/clock.js';`],
  ['a store imports the database', 'src/domain/catalog/store.ts', `import '../../database/index.js';`],
];

const RULES_THAT_KNOW_TYPES = [
  '@typescript-eslint/switch-exhaustiveness-check',
  '@typescript-eslint/no-floating-promises',
];

describe('the walls of the house', () => {
  // The walls themselves need no types: without them a planted line costs milliseconds and not a look at the whole program.
  const eslint = new ESLint({ cwd: root, overrideConfig: tseslint.configs.disableTypeChecked });
  // The types of one file and not of the whole house, which `npm run check` looks at.
  const program = {
    projectService: false,
    project: 'test/support/one-file.tsconfig.json',
    // Where CI is set, the parser else reads the file from the disk, and not the text that it is given.
    disallowAutomaticSingleRunInference: true,
  };
  const withTypes = new ESLint({
    cwd: root,
    overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions: program } },
  });

  async function rulesBroken(file: string, code: string, linter = eslint): Promise<string[]> {
    const [result] = await linter.lintText(`${code}\n`, { filePath: `${root}/${file}` });
    return result?.messages.map(({ ruleId, message }) => ruleId ?? message) ?? [];
  }

  it.each(violations)(
    '%s: caught in %s',
    async (_what, file, code, rule) => {
      expect(existsSync(`${root}/${file}`), `${file} must exist for this test to mean anything`).toBe(true);
      const linter = RULES_THAT_KNOW_TYPES.includes(rule) ? withTypes : eslint;
      expect(await rulesBroken(file, code, linter)).toContain(rule);
    },
    180_000,
  );

  it.each(allowed)('%s: allowed in %s', async (_what, file, code) => {
    expect(existsSync(`${root}/${file}`), `${file} must exist for this test to mean anything`).toBe(true);
    expect(await rulesBroken(file, code)).toEqual([]);
  });

  it.each(['utils.ts', 'helpers.ts', 'common.ts', 'misc.ts', 'manager.ts', 'date-utils.ts', 'Tensor.ts'])(
    'a file called %s is refused',
    async (name) => {
      const plain = new ESLint({
        cwd: root,
        overrideConfigFile: true,
        overrideConfig: { files: ['**/*.ts'], plugins: { souk }, rules: { 'souk/file-names': 'error' } },
      });
      const [result] = await plain.lintText('const a = 1;\n', { filePath: `${root}/src/lib/${name}` });
      expect(result?.messages.map(({ ruleId }) => ruleId)).toContain('souk/file-names');
    },
  );
});
