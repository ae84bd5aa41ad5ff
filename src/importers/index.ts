export * from './types.js';
export { createImporter, type Importer, type ImporterDeps } from './importer.js';
