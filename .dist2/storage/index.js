export * from "./artifact-store.js";
import { isDigest } from "./digest.js";
import { openDiskStore } from "./disk-store.js";
export {
  isDigest,
  openDiskStore
};
//# sourceMappingURL=index.js.map
