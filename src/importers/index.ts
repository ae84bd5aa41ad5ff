export * from './types.js';
export { chooseEngine } from './choose-engine.js';
export { createImporter, type Importer } from './importer.js';
export * from './datasets/index.js';
export { jailOnce, type ImportWalls } from './jail.js';
