export * from "./types.js";
import { createImporter } from "./importer.js";
export {
  createImporter
};
//# sourceMappingURL=index.js.map
