export * from './artifact-store.js';
export { isDigest } from './digest.js';
export { openDiskStore } from './disk-store.js';
export { openPartialFiles } from './partial-files.js';
export type { PartialFiles, PieceChecksum } from './partial-files.js';
