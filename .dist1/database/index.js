import { Database } from "./database.js";
import { EmbeddedPostgres } from "./embedded.js";
import { DatabaseStartError, isDatabaseUnavailable, isSerializationConflict } from "./errors.js";
import { Prisma } from "./generated/client.js";
import { migrate } from "./migrate.js";
export {
  Database,
  DatabaseStartError,
  EmbeddedPostgres,
  Prisma,
  isDatabaseUnavailable,
  isSerializationConflict,
  migrate
};
//# sourceMappingURL=index.js.map
