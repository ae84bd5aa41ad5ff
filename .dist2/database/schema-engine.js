import { PrismaPg } from "@prisma/adapter-pg";
import {
  bindMigrationAwareSqlAdapterFactory
} from "@prisma/driver-adapter-utils";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
function readMigrations(folder) {
  return readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory()).sort().map((name) => ({ name, sql: readFileSync(join(folder, name, "migration.sql"), "utf8") }));
}
function migrationList(folder, migrations) {
  const lockfile = "migration_lock.toml";
  return {
    baseDir: folder,
    lockfile: { path: lockfile, content: readFileSync(join(folder, lockfile), "utf8") },
    shadowDbInitScript: "",
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: "migration.sql", content: { tag: "ok", value: sql } }
    }))
  };
}
const NO_FILTERS = { externalTables: [], externalEnums: [] };
const SMALLEST_SCHEMA = 'datasource db {\n  provider = "postgresql"\n}\n';
async function loadSchemaEngine(pool, onScriptError = () => void 0) {
  const Engine = await (engineClass ??= instantiate());
  const adapter = bindMigrationAwareSqlAdapterFactory(wholeScripts(new PrismaPg(pool), pool, onScriptError));
  return Engine.new({ datamodels: [["schema.prisma", SMALLEST_SCHEMA]] }, () => void 0, adapter);
}
let engineClass;
async function instantiate() {
  const location = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm");
  const glue = await import("@prisma/schema-engine-wasm/schema_engine_bg");
  const { WebAssembly } = globalThis;
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: () => void 0 } });
  const compiled = await WebAssembly.compile(readFileSync(join(dirname(location), "schema_engine_bg.wasm")));
  const { exports } = await WebAssembly.instantiate(compiled, { "./schema_engine_bg.js": glue });
  glue.__wbg_set_wasm(exports);
  exports.__wbindgen_start?.();
  return glue.SchemaEngine;
}
function wholeScripts(factory, pool, onScriptError) {
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
    }
  };
}
export {
  NO_FILTERS,
  loadSchemaEngine,
  migrationList,
  readMigrations
};
//# sourceMappingURL=schema-engine.js.map
