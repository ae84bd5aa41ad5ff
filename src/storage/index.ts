export * from './artifact-store.js';
export { isDigest } from './digest.js';
export { openDiskStore } from './disk-store.js';
