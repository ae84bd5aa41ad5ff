import { createVersionsService, DEFAULT_VERSIONS_LIMITS } from "./service.js";
import { DEFAULT_UPLOAD_LIMITS } from "./upload.js";
import { artifactPath } from "./version.js";
import { VERSION_COLUMNS, versionFromRow } from "./versions-store.js";
export {
  DEFAULT_UPLOAD_LIMITS,
  DEFAULT_VERSIONS_LIMITS,
  VERSION_COLUMNS,
  artifactPath,
  createVersionsService,
  versionFromRow
};
//# sourceMappingURL=index.js.map
