// Writes the generated code: Prisma's client from prisma/schema.prisma, resolver types from
// schema.graphql, what is lowered from src/lowering. With `--check` it writes to a temporary folder and compares: exit 1 when stale.
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as resolvers from '@graphql-codegen/typescript-resolvers';
import { parse } from 'graphql';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { enumValues, mappers, scalars } from './codegen-mappers.mjs';
import { LOWERING_README, loweringReadme, writeLoweringReadme } from './lowering-table.mjs';
import { localCache, modules, root } from './setup/paths.mjs';
import { hashOf, writeAtomically } from './setup/stamp.mjs';

const RESOLVERS = 'src/graphql/generated/resolvers.ts';
const PRISMA_CLIENT = 'src/database/generated';

if (process.argv.includes('--check')) await check();
else {
  writeAtomically(join(root, RESOLVERS), await resolverTypes());
  await generatePrismaClient(root);
  await writeLoweringReadme();
}

async function resolverTypes() {
  const config = {
    contextType: '../context.js#GraphQLContext',
    mappers,
    // The domain's Tenant and the contract's are imported into one file.
    mapperTypeSuffix: 'Source',
    scalars,
    enumValues,
    strictScalars: true,
    enumsAsTypes: true,
    immutableTypes: true,
    useTypeImports: true,
    resolversNonOptionalTypename: { unionMember: true, interfaceImplementingType: true },
    emitLegacyCommonJSImports: false,
  };
  const source = await codegen({
    filename: join(root, RESOLVERS),
    schema: parse(readFileSync(join(root, 'schema.graphql'), 'utf8')),
    documents: [],
    config,
    plugins: [{ typescript: {} }, { resolvers: {} }],
    pluginMap: { typescript, resolvers },
  });
  return `// Generated from schema.graphql by scripts/generate.mjs. Do not edit.\n${source}`;
}

/**
 * `prisma generate` for the schema in `directory`/prisma. It needs no engine, but every verb of Prisma's
 * command line looks for one and would download it: any existing program stops the search.
 */
async function generatePrismaClient(directory) {
  const client = join(directory, PRISMA_CLIENT);
  const previous = `${client}.previous`;
  rmSync(previous, { recursive: true, force: true });
  if (existsSync(client)) renameSync(client, previous);
  const environment = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  };
  const args = [join(modules, 'prisma', 'build', 'index.js'), 'generate', '--schema'];
  try {
    const options = { cwd: root, env: environment, timeout: 120_000 };
    await promisify(execFile)(process.execPath, [...args, join(directory, 'prisma/schema.prisma')], options);
    rmSync(previous, { recursive: true, force: true });
  } catch (error) {
    rmSync(client, { recursive: true, force: true });
    if (existsSync(previous)) renameSync(previous, client);
    throw error;
  }
}

async function check() {
  mkdirSync(localCache, { recursive: true });
  const fresh = mkdtempSync(join(localCache, 'generated-'));
  try {
    cpSync(join(root, 'prisma'), join(fresh, 'prisma'), { recursive: true });
    await generatePrismaClient(fresh);
    const stale = [];
    const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : null);
    if (read(join(root, RESOLVERS)) !== (await resolverTypes())) stale.push(RESOLVERS);
    if (read(join(root, LOWERING_README)) !== (await loweringReadme())) stale.push(LOWERING_README);
    const hash = (directory) => hashOf([join(directory, PRISMA_CLIENT)], '', directory);
    if (hash(root) !== hash(fresh)) stale.push(PRISMA_CLIENT);
    if (stale.length > 0) {
      process.stderr.write(`Stale generated code: ${stale.join(', ')}. Run \`npm run generate\`.\n`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
