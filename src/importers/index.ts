export * from './types.js';
export { chooseEngine } from './choose-engine.js';
export { createImporter, type Importer } from './importer.js';
export * from './datasets/index.js';
export type { ImportWalls } from './jail.js';
