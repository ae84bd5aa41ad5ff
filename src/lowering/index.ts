/** A machine: a model in, one TensorFlow graph out. Pure; what it may not lower it refuses by name. */
export type { LoweredGraph, Port, WeightNode, Dtype, Shape } from './graph.js';
export type { LayerOutput, LayersModel, LayerUse, LayerWeight, ModelLayer } from './layers-model.js';
export type { GraphModel, JsonFunction, JsonNode, TableInput } from './graph-model/graph-model.js';
export { lowerGraph } from './lower-graph.js';
export { lowerLayers } from './lower-layers.js';
export { storedBytes, weightValue, type StoredWeight, type WeightValue } from './weight-values.js';
export { LOWERED_ACTIVATIONS } from './layers/activations.js';
export { LOWERED_LAYERS } from './layers/index.js';
export type { LoweringRefusal } from './refused.js';
export type { MoveLimits } from './moved-weights.js';
export { compact, writeSavedModel, type CompactGraph, type PiecedFile } from './saved-model-writer.js';
export { messageType } from './tensorflow-schema.js';
