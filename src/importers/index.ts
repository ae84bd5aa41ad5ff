export * from './types.js';
export { createImporter, type Importer } from './importer.js';
