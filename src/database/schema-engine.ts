import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type pg from 'pg';

export interface MigrationFile {
  readonly name: string;
  readonly sql: string;
}

/** The migrations in the folder, in the order in which they are applied. */
export function readMigrations(folder: string): MigrationFile[] {
  return readdirSync(folder)
    .filter((name) => statSync(join(folder, name)).isDirectory())
    .sort()
    .map((name) => ({ name, sql: readFileSync(join(folder, name, 'migration.sql'), 'utf8') }));
}

export function migrationList(folder: string, migrations: readonly MigrationFile[]): MigrationList {
  const lockfile = 'migration_lock.toml';
  return {
    baseDir: folder,
    lockfile: { path: lockfile, content: readFileSync(join(folder, lockfile), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  };
}

export const NO_FILTERS = { externalTables: [], externalEnums: [] };

// The engine wants to know the dialect even when it only applies finished SQL.
const SMALLEST_SCHEMA = 'datasource db {\n  provider = "postgresql"\n}\n';

/** As much of the standard object as we use: the `dom` library, which declares it, is not ours. */
interface WasmRuntime {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ readonly exports: Record<string, unknown> }>;
}

/**
 * Prisma's own migration engine, as WebAssembly, over the given pool: no program is downloaded. Costs
 * about 0.2 s, so that it is loaded only when there is something to migrate.
 */
export async function loadSchemaEngine(
  pool: pg.Pool,
  onScriptError: (error: unknown) => void = () => undefined,
): Promise<SchemaEngine> {
  const Engine = await (engineClass ??= instantiate());
  const adapter = bindMigrationAwareSqlAdapterFactory(wholeScripts(new PrismaPg(pool), pool, onScriptError));
  return Engine.new({ datamodels: [['schema.prisma', SMALLEST_SCHEMA]] }, () => undefined, adapter);
}

// The package's glue code is itself a module with one memory: a second instance in the same process would
// read the first one's. Hence the only module-level state in this room, once per process and never changed.
let engineClass: Promise<typeof SchemaEngine> | undefined;

async function instantiate(): Promise<typeof SchemaEngine> {
  const location = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const glue = (await import('@prisma/schema-engine-wasm/schema_engine_bg')) as unknown as {
    __wbg_set_wasm(exports: object): void;
    SchemaEngine: typeof SchemaEngine;
  };
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmRuntime };
  // Where the engine leaves the message of a panic; without it the panic itself fails, outside any promise.
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: () => undefined } });
  const compiled = await WebAssembly.compile(readFileSync(join(dirname(location), 'schema_engine_bg.wasm')));
  const { exports } = await WebAssembly.instantiate(compiled, { './schema_engine_bg.js': glue });
  glue.__wbg_set_wasm(exports);
  (exports.__wbindgen_start as (() => void) | undefined)?.();
  return glue.SchemaEngine;
}

/**
 * The adapter cuts a script at every semicolon, also inside strings, comments and function bodies. Postgres
 * can take a script as it is, so here it does.
 */
function wholeScripts(
  factory: PrismaPg,
  pool: pg.Pool,
  onScriptError: (error: unknown) => void,
): SqlMigrationAwareDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connectToShadowDb: () => factory.connectToShadowDb(),
    async connect() {
      const adapter = await factory.connect();
      adapter.executeScript = async (script) => {
        try {
          await pool.query(script);
        } catch (error) {
          onScriptError(error);
          throw error;
        }
      };
      return adapter;
    },
  };
}
